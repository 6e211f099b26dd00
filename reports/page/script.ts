/** The page’s only script: it narrows the table of all cases down. Without it everything is shown. */

import { createHash } from 'node:crypto';

export const script = `
(() => {
  const form = document.querySelector('.filters');
  if (!form) return;
  form.hidden = false;
  const boxes = [...form.querySelectorAll('input[type=checkbox]')];
  const find = form.querySelector('input[type=search]');
  const narrow = () => {
    const wanted = new Set(boxes.filter((box) => box.checked).map((box) => box.value));
    const words = find.value.trim().toLowerCase();
    for (const body of document.querySelectorAll('.results tbody')) {
      let shown = 0;
      for (const row of body.querySelectorAll('tr.case')) {
        const fits = wanted.has(row.dataset.verdict) && row.textContent.toLowerCase().includes(words);
        row.hidden = !fits;
        if (fits) shown += 1;
      }
      body.hidden = shown === 0;
    }
  };
  form.addEventListener('input', narrow);
  form.addEventListener('submit', (event) => event.preventDefault());
})();
`;

/**
 * Nothing is loaded and nothing is sent; of scripts, this one alone may run, whatever a device has said.
 *
 * Source: Content Security Policy Level 3, sections 6.1 and 2.3.1.
 */
export const policy = [
  "default-src 'none'",
  "style-src 'unsafe-inline'",
  `script-src 'sha256-${createHash('sha256').update(script).digest('base64')}'`,
  "form-action 'none'",
  "base-uri 'none'",
].join('; ');
