// A thread of the pool in a browser. Plain JavaScript, so that `new URL('./web-worker.js', import.meta.url)`, which browsers and
// bundlers understand, names the same file in the sources and in what is published.
import './serve-web.ts';
