/** Makes a page that loads nothing from the network, and says so to the browser. */

import { EvidenceError } from '../../harness/errors.ts';

/**
 * Everything that the page needs is inside it. `new Function` and WebAssembly are used by libraries in Allure's page.
 *
 * Source: Content Security Policy Level 3, section 6.1.
 */
const policy = [
  "default-src 'none'",
  "script-src 'unsafe-inline' 'unsafe-eval' data: blob:",
  "style-src 'unsafe-inline' data:",
  'img-src data: blob:',
  'font-src data:',
  'media-src data: blob:',
  'connect-src data: blob:',
  'worker-src data: blob:',
  'frame-src data: blob:',
  "form-action 'none'",
].join('; ');

/** Allure's tag manager: the loader, and the inline script that configures it. */
const trackers = [
  /<script\b[^>]*\bsrc="https?:\/\/[^"]*"[^>]*>\s*<\/script>/g,
  /<script>(?:(?!<\/script>)[\s\S])*\bgtag\('config'(?:(?!<\/script>)[\s\S])*<\/script>/g,
] as const;

/**
 * The page without trackers, and with a policy that forbids every load from outside.
 *
 * @throws EvidenceError when something is left that a browser would fetch
 */
export function offline(html: string): string {
  let clean = html;
  for (const tracker of trackers) clean = clean.replace(tracker, '');
  const meta = `<meta http-equiv="Content-Security-Policy" content="${policy}">`;
  clean = clean.replace(/<head>/, `<head>\n    ${meta}`);
  const [load] = outsideLoads(clean);
  if (load !== undefined || !clean.includes(meta)) {
    throw new EvidenceError(
      'report-loads',
      `the report would load from the network: ${load ?? 'no policy could be set'}`,
      {
        hint: 'The allure package has changed: adapt reports/allure/offline.ts to it.',
      },
    );
  }
  return clean;
}

/** Tags of a page that fetch something over the network, and tracker addresses anywhere in it. */
export function outsideLoads(html: string): string[] {
  const markup = html.matchAll(
    /<(?:script|link|img|iframe|source|video|audio|object|embed)\b[^>]*?\b(?:src|href|data)\s*=\s*["']?(?:https?:)?\/\/[^>]{0,200}/gi,
  );
  const names = html.matchAll(/.{0,40}(?:googletagmanager|google-analytics|gtag\()[^\n]{0,40}/g);
  return [...markup, ...names].map(([text]) => text);
}
