/** Looks of the test report: on a screen of any width, in the dark, and on paper (A4). No font is loaded. */

import { cssString } from './html.ts';

/** @param running stands on top of every printed page; @param page words around the page's number */
export function styleOf(running: { left: string; right: string }, pageOf: string): string {
  return `${base}
@page { size: A4; margin: 20mm 15mm 18mm;
  @top-left { content: ${cssString(running.left)}; font: 8pt sans-serif; color: #444; }
  @top-right { content: ${cssString(running.right)}; font: 8pt sans-serif; color: #444; }
  @bottom-right { content: counter(page) " / " counter(pages); font: 8pt sans-serif; color: #444; }
  @bottom-left { content: ${cssString(pageOf)}; font: 8pt sans-serif; color: #444; }
}
${print}`;
}

const base = `
:root { --ink:#1b1f24; --soft:#57606a; --line:#d0d7de; --paper:#fff; --band:#f4f6f8; --bad:#b3001b; --warn:#8a5a00; --good:#00704f; --note:#175a9c; --todo:#fff3a3; --todo-ink:#4d3d00; }
@media (prefers-color-scheme: dark) { :root { --ink:#e6e9ec; --soft:#a2abb4; --line:#3a424a; --paper:#14181c; --band:#1d2329; --bad:#ff8a93; --warn:#f0b429; --good:#4ecb9b; --note:#79b8ff; --todo:#5c4d00; --todo-ink:#fff3a3; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem 1rem 4rem; max-width: 70rem; color: var(--ink); background: var(--paper); font: 15px/1.45 "Noto Sans", "Segoe UI", system-ui, -apple-system, "Noto Sans CJK SC", "PingFang SC", "Microsoft YaHei", sans-serif; }
h1 { margin: .2rem 0 0; font-size: 1.9rem; } h2 { margin: 2.4rem 0 .6rem; padding-top: .5rem; border-top: 2px solid var(--ink); font-size: 1.3rem; } h3 { margin: 1.4rem 0 .5rem; font-size: 1.05rem; }
p { margin: .5rem 0; } a { color: inherit; } code { font: .88em "Noto Sans Mono", ui-monospace, Consolas, monospace; overflow-wrap: anywhere; }
.subtitle, .meta, .note, .number, small, .tally { color: var(--soft); } .number { text-align: right; margin: 0; }
table { width: 100%; border-collapse: collapse; margin: .6rem 0; font-size: .92em; } th, td { text-align: left; vertical-align: top; padding: .3rem .5rem; border-bottom: 1px solid var(--line); overflow-wrap: anywhere; } thead th { border-bottom: 2px solid var(--line); color: var(--soft); font-weight: 600; } .num { text-align: right; white-space: nowrap; }
table.particulars { width: auto; margin: 1rem 0; } .particulars th { color: var(--soft); font-weight: 500; padding-left: 0; }
.summary { border: 1px solid var(--line); border-left: 8px solid var(--soft); background: var(--band); padding: .6rem 1rem; margin: 1rem 0; } .summary.violates { border-left-color: var(--bad); } .summary.conforms { border-left-color: var(--good); } .summary.error, .summary.inconclusive, .summary.not-executed { border-left-color: var(--warn); }
.sentence { font-size: 1.2rem; font-weight: 600; }
.counts { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: .3rem 1.2rem; } .counts li { font-weight: 600; }
.violating { margin: .4rem 0; padding-left: 1.2rem; }
.contents { font-size: .92em; color: var(--soft); line-height: 1.9; } .contents a { margin-right: .8rem; }
.badge { white-space: nowrap; font-weight: 700; } .badge.violates, .violates.badge, .counts .violates, .over { color: var(--bad); } .badge.conforms, .counts .conforms, .within { color: var(--good); } .badge.error, .badge.inconclusive, .badge.not-executed, .counts .inconclusive, .counts .error, .counts .not-executed, .between { color: var(--warn); } .badge.not-applicable, .badge.uncovered { color: var(--soft); }
.violation { border: 1px solid var(--line); border-left: 5px solid var(--bad); padding: .2rem 1rem .6rem; margin: 1rem 0; } .violation h3 { margin-top: .6rem; } .case-title { font-weight: 500; }
.text { white-space: pre-line; } .known { border-left: 3px solid var(--note); padding-left: .6rem; }
.findings td:first-child { width: 20%; } .findings td { width: 40%; } .evidence td:first-child { width: 17%; } .digest { font-size: .8em; }
.evidence td:nth-child(3), .digests td:nth-child(2) { width: 34%; }
mark.todo { background: var(--todo); color: var(--todo-ink); padding: 0 .3em; } .supplied { border: 1px solid var(--note); color: var(--note); border-radius: .6em; padding: 0 .5em; font-size: .78em; white-space: nowrap; }
.items td:first-child { width: 14%; color: var(--soft); } .items td:nth-child(2):not(:last-child) { width: 27%; } .rule dt { float: left; clear: left; width: 10rem; } .rule dd { margin: 0 0 .4rem 10.5rem; }
.trace td:first-child { width: 36%; } .trace td:nth-child(2) { width: 9.5rem; } .trace td { padding-top: .2rem; padding-bottom: .2rem; } .chip { display: inline-block; white-space: nowrap; font: .78em "Noto Sans Mono", ui-monospace, monospace; padding: 0 .35em; border: 1px solid var(--line); border-radius: .3em; margin: 1px 0; } .chip.violates { background: var(--bad); color: var(--paper); border-color: var(--bad); } .chip.conforms { color: var(--good); border-color: var(--good); } .chip.error, .chip.inconclusive, .chip.not-executed { color: var(--warn); border-color: var(--warn); } .chip.absent, .chip.not-applicable { color: var(--soft); } .chip.unbuilt { color: var(--soft); border-style: dashed; } .why { color: var(--soft); font-size: .9em; }
blockquote { margin: .4rem 0; padding: .1rem .8rem; border-left: 3px solid var(--line); } blockquote footer { color: var(--soft); font-size: .85em; }
.columns { columns: 22rem; font-size: .9em; padding-left: 1.1rem; } figure { margin: .8rem 0; } svg { max-width: 100%; height: auto; }
.filters { margin: .4rem 0; display: flex; flex-wrap: wrap; gap: .3rem .9rem; align-items: center; } .filters[hidden] { display: none; } .suite th { padding-top: 1rem; font-size: 1.02em; } .results td:first-child, .results td:nth-child(3), .open-cases td:first-child, .known-list td:first-child, .known-list td:last-child, .timings td:first-child, .results th, .open-cases th, .timings th { white-space: nowrap; }
.end { margin-top: 3rem; text-align: center; border-top: 2px solid var(--ink); padding-top: .6rem; font-weight: 600; }
.timings td:nth-child(n+3) { white-space: nowrap; } .amends { border: 2px solid var(--note); padding: .5rem .8rem; }
@media (max-width: 46rem) { body { font-size: 14px; } table.findings, table.evidence, table.items, table.trace, table.digests, table.ledger, table.open-cases, table.known-list, .findings tbody, .evidence tbody, .items tbody, .trace tbody, .digests tbody, .ledger tbody, .open-cases tbody, .known-list tbody, .findings tr, .evidence tr, .items tr, .trace tr, .digests tr, .ledger tr, .open-cases tr, .known-list tr { display: block; } .findings td, .evidence td, .items td, .trace td, .digests td, .ledger td, .open-cases td, .known-list td { display: block; width: auto !important; border: 0; padding: .1rem 0; } .findings tr, .evidence tr, .items tr, .trace tr, .digests tr, .ledger tr, .open-cases tr, .known-list tr { border-bottom: 1px solid var(--line); padding: .35rem 0; } .findings thead, .evidence thead, .items thead, .trace thead, .digests thead, .ledger thead, .open-cases thead, .known-list thead { display: none; } .findings td[data-th]::before, .ledger td:nth-child(n+2)::before, .known-list td::before { content: attr(data-th) ": "; color: var(--soft); } .timings { display: block; overflow-x: auto; } .rule dt { float: none; } .rule dd { margin-left: 1rem; } .results th:nth-child(3), .results td:nth-child(3), .results th:nth-child(5), .results td:nth-child(5) { display: none; } }
`;

const print = `
@media print {
  :root { --ink:#000; --soft:#444; --line:#bbb; --paper:#fff; --band:#f4f6f8; --bad:#b3001b; --warn:#7a4f00; --good:#005c41; --note:#175a9c; --todo:#fff3a3; --todo-ink:#4d3d00; }
  * { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
  body { max-width: none; padding: 0; font-size: 9.5pt; } h1 { font-size: 20pt; } h2 { font-size: 13pt; break-after: avoid; } h3 { break-after: avoid; }
  a { text-decoration: none; } .filters { display: none; } tr.case[hidden], tbody[hidden] { display: table-row; } tbody[hidden] { display: table-row-group; }
  tr, figure, .summary, dt, dd { break-inside: avoid; } thead { display: table-header-group; } .violation { break-inside: auto; } .suite { break-after: avoid; }
  .sentence { font-size: 12pt; } .columns { columns: 2; } .number { display: none; }
  .evidence td, .digests td { font-size: 8pt; } .chip { font-size: 6.5pt; padding: 0 .25em; } .trace { font-size: 8.5pt; } .trace td { padding: 1px 4px; } .digest { font-size: 7pt; }
}
`;
