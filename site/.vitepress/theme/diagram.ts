/** A diagram that is written in Mermaid's language. The library is loaded only by pages that have one. */

import { useData } from 'vitepress';
import { defineComponent, h, onMounted, ref, watch } from 'vue';

let count = 0;

export const Diagram = defineComponent({
  props: { source: { type: String, required: true } },
  setup(props) {
    const { isDark } = useData();
    const svg = ref('');
    const draw = async (): Promise<void> => {
      const { default: mermaid } = await import('@mermaid-js/tiny');
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
