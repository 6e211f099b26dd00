/**
 * The test report: one HTML page for people, made from the record, the catalogue and what the laboratory says. It loads
 * nothing, reads without scripts, and prints on A4 with its number on every page. The same input gives the same bytes.
 *
 * Source: ISO/IEC 17025:2017, 7.8 (contents of reports).
 */

import { benchSection, deviationsSection, identificationSection } from './bench.ts';
import { front } from './front.ts';
import { html, trusted, type Markup } from './html.ts';
import { opinionsSection, particularsSection, ruleSection } from './lab-sections.ts';
import { knownSection, ledgerSection } from './ledger.ts';
import { notTestedSection } from './not-tested.ts';
import { resultsSection } from './results.ts';
import { policy, script } from './script.ts';
import { styleOf } from './style.ts';
import { timingSection } from './timing.ts';
import { traceSection } from './trace-section.ts';
import { violationsSection } from './violations.ts';
import { viewOf, type PageInput, type Section, type View } from './view.ts';

export { languages, type Language } from './labels.ts';
export { loadLab, type LoadedLab } from './load-lab.ts';
export { printPdf } from './pdf.ts';
export type { PageInput } from './view.ts';

/** @returns the page, and its report number */
export function testReport(input: PageInput): { html: string; reportId: string } {
  const view = viewOf(input);
  return { html: `<!doctype html>\n${page(view).text}\n`, reportId: view.reportId };
}

/** What failed first, what was not tested next; then who, what and how; then all results; then what they rest on. */
function sectionsOf(view: View): Section[] {
  return [
    violationsSection(view),
    ...knownSection(view),
    notTestedSection(view),
    particularsSection(view),
    benchSection(view),
    ruleSection(view),
    resultsSection(view),
    traceSection(view),
    timingSection(view),
    deviationsSection(view),
    opinionsSection(view),
    ledgerSection(view),
    identificationSection(view),
  ];
}

function page(view: View): Markup {
  const { t, language, reportId, model } = view;
  const sections = sectionsOf(view);
  const { vendor, model: device } = model.header.device;
  const title = `${t('testReport')} ${reportId} – ${[vendor, device].filter(Boolean).join(' ')}`;
  const style = styleOf(
    { left: `${t('testReport')} ${reportId}`, right: [vendor, device].filter(Boolean).join(' ') },
    model.runId,
  );
  return html`<html lang="${language === 'zh' ? 'zh-CN' : 'en'}">
    <head>
      <meta charset="utf-8" />
      <meta http-equiv="Content-Security-Policy" content="${policy}" />
      <meta name="viewport" content="width=device-width, initial-scale=1" />
      <meta name="color-scheme" content="light dark" />
      <title>${title}</title>
      <style>
        ${trusted(style)}
      </style>
    </head>
    <body>
      ${front(view, sections)}
      <main>
        ${sections.map(
          ({ id, title: label, body }, at) =>
            html`<section id="${id}">
              <h2>${at + 1}&ensp;${t(label)}</h2>
              ${body}
            </section> `,
        )}
      </main>
      <p class="end">— ${t('endOfReport', { id: reportId })} —</p>
      <script>
        ${trusted(script)};
      </script>
    </body>
  </html>`;
}
