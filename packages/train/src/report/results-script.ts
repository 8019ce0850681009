/**
 * A script of the report's page. The dashboard shows the report with the fragment `#results` in a frame, next to its own curves and settings:
 * then only the results are shown, and the frame is told how high they are.
 */
export const resultsScript = `
if (location.hash === '#results') {
  document.documentElement.classList.add('results-only');
  const tell = () => parent.postMessage({ reportHeight: document.body.offsetHeight }, '*');
  new ResizeObserver(tell).observe(document.body);
}
`;
