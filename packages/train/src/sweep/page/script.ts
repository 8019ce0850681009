/**
 * A script of the sweep's page: pointing at a line or at a row of the table shows both, a click keeps it, and dragging along an axis shows
 * only the lines that cross it there.
 */
export const sweepScript = `
(() => {
  const section = document.querySelector('.sweep');
  const marks = [...section.querySelectorAll('[data-configuration]')];
  for (const mark of marks) if (mark.dataset.share !== undefined) mark.style.setProperty('--share', mark.dataset.share + '%');
  let kept = null;
  const show = (number) => {
    const shown = number ?? kept;
    section.classList.toggle('pointing', shown !== null);
    for (const mark of marks) mark.classList.toggle('on', mark.dataset.configuration === shown);
  };
  for (const mark of marks) {
    const { configuration } = mark.dataset;
    mark.addEventListener('pointerenter', () => show(configuration));
    mark.addEventListener('pointerleave', () => show(null));
    mark.addEventListener('click', (event) => {
      if (event.target.closest('a')) return;
      kept = kept === configuration ? null : configuration;
      show(configuration);
    });
  }

  // The chosen interval of each axis, from 0 at its bottom to 1 at its top.
  const chosen = new Map();
  const apply = () => {
    const inside = new Map();
    for (const mark of marks) {
      if (mark.dataset.at === undefined) continue;
      const at = mark.dataset.at.split(',').map(Number);
      const isInside = [...chosen].every(([axis, [low, high]]) => at[axis] >= low && at[axis] <= high);
      inside.set(mark.dataset.configuration, isInside);
    }
    for (const mark of marks) mark.classList.toggle('out', chosen.size > 0 && inside.get(mark.dataset.configuration) !== true);
    for (const brush of section.querySelectorAll('.brush')) {
      const grip = brush.nextElementSibling;
      const [low, high] = chosen.get(Number(brush.dataset.axis)) ?? [0, 0];
      const [top, height] = [Number(grip.dataset.top), Number(grip.dataset.height)];
      brush.setAttribute('y', top + (1 - high) * height);
      brush.setAttribute('height', (high - low) * height);
    }
  };
  for (const grip of section.querySelectorAll('.grip')) {
    const axis = Number(grip.dataset.axis);
    const place = (event) => {
      const svg = grip.ownerSVGElement;
      const y = ((event.clientY - svg.getBoundingClientRect().top) / svg.getBoundingClientRect().height) * svg.viewBox.baseVal.height;
      return Math.min(1, Math.max(0, 1 - (y - Number(grip.dataset.top)) / Number(grip.dataset.height)));
    };
    let start = null;
    grip.addEventListener('pointerdown', (event) => {
      start = place(event);
      grip.setPointerCapture(event.pointerId);
    });
    grip.addEventListener('pointermove', (event) => {
      if (start === null) return;
      const end = place(event);
      // A click without a drag shows all lines again.
      if (Math.abs(end - start) < 0.01) chosen.delete(axis);
      else chosen.set(axis, [Math.min(start, end) - 1e-3, Math.max(start, end) + 1e-3]);
      apply();
    });
    const release = (event) => {
      if (start !== null && Math.abs(place(event) - start) < 0.01) chosen.delete(axis);
      start = null;
      apply();
    };
    grip.addEventListener('pointerup', release);
    grip.addEventListener('pointercancel', release);
  }
})();
`;
