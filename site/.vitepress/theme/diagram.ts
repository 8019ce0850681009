/** A diagram that is written in Mermaid's language. The library is loaded only by pages that have one. */
import library from '@mermaid-js/tiny/dist/mermaid.tiny.js?url';
import { useData } from 'vitepress';
import { defineComponent, h, onMounted, ref, watch } from 'vue';

interface Mermaid {
  initialize(options: Readonly<Record<string, unknown>>): void;
  render(id: string, source: string): Promise<{ readonly svg: string }>;
}

let loading: Promise<Mermaid> | null = null;

/** The library is a classic script, which sets a global variable. */
function loadMermaid(): Promise<Mermaid> {
  loading ??= new Promise((resolve, reject) => {
    const script = document.createElement('script');
    script.src = library;
    script.onload = () => resolve((globalThis as unknown as { mermaid: Mermaid }).mermaid);
    script.onerror = () => reject(new Error(`${library}: cannot be loaded`));
    document.head.append(script);
  });
  return loading;
}

let count = 0;

export const Diagram = defineComponent({
  props: { source: { type: String, required: true } },
  setup(props) {
    const { isDark } = useData();
    const svg = ref('');
    const draw = async (): Promise<void> => {
      const mermaid = await loadMermaid();
      mermaid.initialize({
        startOnLoad: false,
        theme: isDark.value ? 'dark' : 'neutral',
        fontFamily: getComputedStyle(document.body).fontFamily,
        securityLevel: 'strict',
      });
      count++;
      svg.value = (await mermaid.render(`diagram-${count}`, decodeURIComponent(props.source))).svg;
    };
    onMounted(() => {
      void draw();
      watch(isDark, draw);
    });
    return () => h('div', { class: 'diagram', innerHTML: svg.value });
  },
});
