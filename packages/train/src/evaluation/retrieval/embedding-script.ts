/** A script of the report's page: it names the picture or caption under the pointer and highlights its partners in both planes. */
export const embeddingScript = `
(() => {
  const reach = 16;
  for (const card of document.querySelectorAll('.embedding')) {
    const { images, texts, captions } = JSON.parse(card.querySelector('script').textContent);
    const pointed = card.querySelector('.pointed');
    const hint = pointed.textContent;
    const planes = [...card.querySelectorAll('svg')].map((svg) => ({
      svg,
      images: [...svg.querySelectorAll('.images circle')],
      texts: [...svg.querySelectorAll('.texts circle')],
      tie: svg.querySelector('.tie'),
    }));
    const at = (dot) => [Number(dot.getAttribute('cx')), Number(dot.getAttribute('cy'))];

    // Highlights the pictures and captions that belong to one dot; null: none.
    function show(chosen) {
      card.classList.toggle('pointing', chosen !== null);
      for (const plane of planes) {
        for (const [k, dot] of plane.images.entries()) dot.classList.toggle('on', chosen?.images.includes(k) ?? false);
        for (const [k, dot] of plane.texts.entries()) dot.classList.toggle('on', chosen?.text === k);
        const end = chosen && at(plane.texts[chosen.text]).join(' ');
        plane.tie.setAttribute('d', chosen ? chosen.images.map((k) => 'M' + at(plane.images[k]).join(' ') + 'L' + end).join('') : '');
      }
      pointed.textContent = chosen ? chosen.label : hint;
    }

    function nearest(plane, event) {
      const { x, y } = new DOMPoint(event.clientX, event.clientY).matrixTransform(plane.svg.getScreenCTM().inverse());
      let best = { distance: reach };
      for (const kind of ['images', 'texts'])
        for (const [k, dot] of plane[kind].entries()) {
          const [cx, cy] = at(dot);
          const distance = Math.hypot(cx - x, cy - y);
          if (distance < best.distance) best = { distance, kind, k };
        }
      return best;
    }

    for (const plane of planes) {
      plane.svg.addEventListener('pointermove', (event) => {
        const { kind, k } = nearest(plane, event);
        if (kind === undefined) show(null);
        else if (kind === 'images') show({ images: [k], text: captions[k], label: 'picture: ' + images[k] });
        else show({ images: captions.flatMap((text, image) => (text === k ? [image] : [])), text: k, label: 'caption: ' + texts[k] });
      });
      plane.svg.addEventListener('pointerleave', () => show(null));
    }
  }
})();
`;
