/** Starts the page. */
import { render } from 'preact';
import './style/base.css';
import './style/runs.css';
import './style/run.css';
import { App } from './app.tsx';

render(<App />, document.getElementById('app') as HTMLElement);
