/** What a package takes from the run folder as it is: the record, wire bytes, payloads, inputs, and reports made before. */

import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { recordFile, sealFile } from '../../harness/record/entry.ts';
import { wireFilesOf } from '../../harness/record/read-wire.ts';
import { signedSealFile } from '../../harness/record/signed-seal.ts';
import { resultsFolder } from '../allure/index.ts';
import type { EvidenceSource, MakeParts, PackagePart } from './part.ts';

/** The record, its seal, and every byte of every wire. The seal's public key goes to the other keys. */
export const recordParts: MakeParts = ({ runDir }) => [
  fileOf(
    runDir,
    recordFile,
    'application/jsonl',
    'The record of the run: every entry, chained; everything else is made from it.',
  ),
  ...ifThere(runDir, sealFile, 'application/json', 'Count and root of the record at its close.'),
  ...ifThere(
    runDir,
    signedSealFile,
    'application/json',
    'The seal, signed by the bench when the record was closed.',
  ),
  ...wireFilesOf(runDir).map((path) =>
    path.endsWith('.jsonl')
      ? fileOf(
          runDir,
          path,
          'application/jsonl',
          'What came when on a wire: an index of the bytes beside it.',
        )
      : fileOf(
          runDir,
          path,
          'application/octet-stream',
          'Bytes of a wire, as they crossed it; secrets blanked.',
        ),
  ),
];

/** Files that the record names by digest, and what the run was made with once more under readable names. */
export const payloadParts: MakeParts = (source) => [...payloads(source), ...inputs(source)];

function payloads({ runDir }: EvidenceSource): PackagePart[] {
  return filesUnder(runDir, 'payloads').map((path) =>
    fileOf(runDir, path, 'application/octet-stream', 'A file that entries of the record name by its digest.'),
  );
}

function inputs({ runDir, model }: EvidenceSource): PackagePart[] {
  return (model.header.inputs ?? []).flatMap(({ name, sha256, mediaType }) => {
    const file = join(runDir, 'payloads', sha256);
    const about = 'What the run was made with, as it was read.';
    if (!existsSync(file)) return [];
    return [{ path: `inputs/${name}`, mediaType, about, content: { file }, repeats: ['payloads'] }];
  });
}

/**
 * Reports for people and the results that Allure's is made from.
 *
 * @param folder holds those that were made from this very record
 */
export function reportParts(folder: string): MakeParts {
  return () =>
    [
      ...reportFiles.flatMap(([path, mediaType, about]) => ifThere(folder, path, mediaType, about)),
      ...filesUnder(folder, resultsFolder).map((path) =>
        fileOf(folder, path, mediaTypeOf(path), 'Results for Allure, made from the record.'),
      ),
    ].map((part) => ({ ...part, repeats: ['wire', 'payloads'] })); // transcripts
}

const reportFiles = [
  ['test-report.html', 'text/html', 'The test report: one page that loads nothing; open it in a browser.'],
  ['test-report.zh.html', 'text/html', 'The test report in Chinese.'],
  ['test-report.pdf', 'application/pdf', 'The test report, printed.'],
  ['test-report.zh.pdf', 'application/pdf', 'The test report in Chinese, printed.'],
  ['trace.json', 'application/json', 'Every requirement and claim with its cases and verdicts.'],
  ['trace.csv', 'text/csv', 'The same as a table.'],
  ['report.html', 'text/html', 'Allure’s report: steps, wires and history; one page that loads nothing.'],
] as const;

function ifThere(runDir: string, path: string, mediaType: string, about: string): PackagePart[] {
  return existsSync(join(runDir, path)) ? [fileOf(runDir, path, mediaType, about)] : [];
}

function fileOf(runDir: string, path: string, mediaType: string, about: string): PackagePart {
  return { path, mediaType, about, content: { file: join(runDir, path) } };
}

/** Files of a folder of the run, with those of its folders, sorted. */
function filesUnder(runDir: string, folder: string): string[] {
  const path = join(runDir, folder);
  if (!existsSync(path)) return [];
  return readdirSync(path, { recursive: true, encoding: 'utf8' })
    .map((name) => `${folder}/${name.replaceAll('\\', '/')}`)
    .filter((name) => statSync(join(runDir, name)).isFile())
    .sort();
}

function mediaTypeOf(path: string): string {
  if (path.endsWith('.json')) return 'application/json';
  return path.endsWith('.txt') || path.endsWith('.properties') ? 'text/plain' : 'application/octet-stream';
}
