/** How the picture looks: colours for light and dark, a pattern for each coverage, for whoever sees no colours. */

import type { Coverage } from '../image.ts';

interface Look {
  coverage: Coverage;
  means: string;
  light: readonly [fill: string, line: string];
  dark: readonly [fill: string, line: string];
  /** Drawn over the fill, in a tile of 8 by 8. */
  pattern: string;
}

export const looks: readonly Look[] = [
  {
    coverage: 'signed',
    means: 'covered by the signature',
    light: ['#cfe6dc', '#2f7a5e'],
    dark: ['#1f4a3c', '#74c9a6'],
    pattern: '',
  },
  {
    coverage: 'signature',
    means: 'the signature itself',
    light: ['#dcd5f2', '#5b46a8'],
    dark: ['#3a3168', '#b3a4f0'],
    pattern: '<path d="M0 8L8 0M-2 2L2 -2M6 10L10 6M0 0L8 8M-2 6L2 10M6 -2L10 2"/>',
  },
  {
    coverage: 'unsigned',
    means: 'read, and covered by nothing',
    light: ['#fbe0bd', '#a85f0c'],
    dark: ['#573a13', '#eeb164'],
    pattern: '<path d="M0 8L8 0M-2 2L2 -2M6 10L10 6"/>',
  },
  {
    coverage: 'trailing',
    means: 'behind all that the format describes',
    light: ['#e3e5e8', '#5d6672'],
    dark: ['#343a43', '#a5adb8'],
    pattern: '<circle cx="2" cy="2" r="0.9"/><circle cx="6" cy="6" r="0.9"/>',
  },
];

/** Class names begin with `fp-`: inside a page, the style is everybody's. */
export function styleSheet(): string {
  return `<style>${base}${colours('light')}@media (prefers-color-scheme:dark){${darkBase}${colours('dark')}}</style>`;
}

function colours(mode: 'light' | 'dark'): string {
  return looks
    .map((look) => {
      const [fill, line] = look[mode];
      return `.fp-${look.coverage}{fill:${fill};stroke:${line}}.fp-on-${look.coverage}{fill:${line}}.fp-p-${look.coverage}{stroke:${line};fill:${line}}`;
    })
    .join('');
}

const sans = 'ui-sans-serif,system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif';
const mono = 'ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace';

const base = [
  `.fp-card{fill:#fdfdfc;stroke:#dfe1e4}`,
  `.fp-svg text{font-family:${sans};font-size:13px;fill:#23272d}`,
  `.fp-svg .fp-title{font-size:22px;font-weight:650}`,
  `.fp-svg .fp-dim{fill:#69717c}`,
  `.fp-svg .fp-small{font-size:11px;fill:#69717c}`,
  `.fp-svg .fp-head{font-size:11px;font-weight:600;letter-spacing:.06em;fill:#69717c}`,
  `.fp-svg .fp-mono{font-family:${mono};font-size:11px;fill:#69717c}`,
  `.fp-svg .fp-name{font-family:${mono};font-size:12px}`,
  `.fp-svg .fp-in{font-size:11px;font-weight:600}`,
  `.fp-band{stroke-width:1}`,
  `.fp-rule{stroke:#dfe1e4;fill:none}`,
  `.fp-lead{fill:#8a93a0;fill-opacity:.1;stroke:#8a93a0;stroke-opacity:.28;stroke-width:.7}`,
  `.fp-break{fill:none;stroke:#fdfdfc;stroke-width:5}`,
  `.fp-break-line{fill:none;stroke:#69717c;stroke-width:1}`,
  `.fp-bracket{fill:none;stroke:#a3abb5}`,
  `.fp-good{fill:#dff2e3;stroke:#2c7a3f}.fp-bad{fill:#fbe1df;stroke:#b3261e}`,
  `.fp-svg .fp-on-good{fill:#1e5f2e}.fp-svg .fp-on-bad{fill:#8f1d16}`,
  `.fp-mark{fill:#b3261e}.fp-mark-line{stroke:#b3261e;stroke-width:1.5}`,
  `.fp-svg .fp-on-mark{fill:#fff;font-size:10px;font-weight:700}`,
  `.fp-pattern{stroke-width:1;stroke-opacity:.45;fill-opacity:.5}`,
  `.fp-over{stroke:none}`,
].join('');

const darkBase = [
  `.fp-card{fill:#16191d;stroke:#30353c}`,
  `.fp-svg text{fill:#e6e8eb}`,
  `.fp-svg .fp-dim,.fp-svg .fp-small,.fp-svg .fp-head,.fp-svg .fp-mono{fill:#9aa3ae}`,
  `.fp-rule{stroke:#30353c}`,
  `.fp-break{stroke:#16191d}.fp-break-line{stroke:#9aa3ae}`,
  `.fp-bracket{stroke:#5b636e}`,
  `.fp-good{fill:#173a20;stroke:#6fbf82}.fp-bad{fill:#4a1a17;stroke:#f0857c}`,
  `.fp-svg .fp-on-good{fill:#a8e0b5}.fp-svg .fp-on-bad{fill:#ffb9b3}`,
  `.fp-mark{fill:#f0857c}.fp-mark-line{stroke:#f0857c}.fp-svg .fp-on-mark{fill:#16191d}`,
].join('');

export function patterns(): string {
  const tiles = looks
    .filter(({ pattern }) => pattern !== '')
    .map(
      ({ coverage, pattern }) =>
        `<pattern id="fp-${coverage}" width="8" height="8" patternUnits="userSpaceOnUse"><g class="fp-pattern fp-p-${coverage}">${pattern}</g></pattern>`,
    );
  return `<defs>${tiles.join('')}</defs>`;
}
