// Starts a thread of the pool in a browser. It is plain JavaScript, so that `new URL('./web-worker.js', import.meta.url)`, which browsers
// and bundlers understand, refers to the same file in the sources and in the published package.
import './serve-web.ts';
