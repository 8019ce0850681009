/** Colors of runs: far from each other, and readable on light and dark pages. */
import { useEffect, useState } from 'preact/hooks';

const palettes = {
  light: ['#2b5fc7', '#c9622b', '#17845a', '#8a4fbf', '#c23f73', '#8a6d0b', '#0b8593', '#5c6b7a', '#b3432b', '#4d7c0f'],
  dark: ['#82aaff', '#f5a26f', '#63d19a', '#c49bf0', '#f289b0', '#e3c252', '#5fd0de', '#a9b6c4', '#f0937a', '#a6d35a'],
} as const;

export type Theme = keyof typeof palettes;

/** With the golden ratio, any number of hues from the first on are far apart. */
const hueStep = 360 * 0.6180339887498949;

/** The color of the run at a place in the list of all runs. */
export function runColor(place: number, theme: Theme): string {
  const palette = palettes[theme];
  const fixed = palette[place];
  if (fixed !== undefined) return fixed;
  const hue = Math.round((place * hueStep) % 360);
  return theme === 'light' ? `hsl(${hue} 62% 42%)` : `hsl(${hue} 72% 70%)`;
}

const darkQuery = matchMedia('(prefers-color-scheme: dark)');
const currentTheme = (): Theme => (darkQuery.matches ? 'dark' : 'light');

/** The reader's choice of light or dark. */
export function useTheme(): Theme {
  const [theme, setTheme] = useState(currentTheme);
  useEffect(() => {
    const update = (): void => setTheme(currentTheme());
    darkQuery.addEventListener('change', update);
    return () => darkQuery.removeEventListener('change', update);
  }, []);
  return theme;
}

/** A color of the style sheet, for a canvas. */
export const styleColor = (name: string): string =>
  getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
