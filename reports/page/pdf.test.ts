import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'mocha';
import { EvidenceError } from '../../harness/errors.ts';
import { findChromium, printPdf } from './pdf.ts';
import { textOf } from './testing/input.ts';

describe('The report on paper', () => {
  let folder: string;
  before(() => (folder = mkdtempSync(join(tmpdir(), 'pdf-'))));
  after(() => rmSync(folder, { recursive: true, force: true }));

  /** A browser that does what its script says; `$pdf` is the file that it is asked for, `$page` the address. */
  const browser = (name: string, script: string): string => {
    const path = join(folder, name);
    const words =
      'for one in "$@"; do case "$one" in --print-to-pdf=*) pdf="${one#*=}";; file:*) page="$one";; esac; done';
    writeFileSync(path, `#!/bin/sh\n${words}\n${script}\n`);
    chmodSync(path, 0o755);
    return path;
  };

  it('is printed by the browser that is found, without the browser’s own head and foot', async () => {
    const path = browser('chromium', 'echo "$page $@" > "$pdf"');
    assert.equal(findChromium({ PATH: `/nowhere:${folder}` }), path);
    const pdf = join(folder, 'page.pdf');
    assert.equal(await printPdf(join(folder, 'page.html'), pdf, 10_000, path), pdf);
    assert.match(textOf(pdf), /^file:\/\/.*page\.html .*--no-pdf-header-footer/);
  });

  it('is not there where no browser is installed', async () => {
    assert.equal(findChromium({ PATH: '/nowhere', CHROME_PATH: '/nowhere/chrome' }), undefined);
    writeFileSync(join(folder, 'a-text'), '');
    assert.equal(findChromium({ PATH: '', CHROME_PATH: join(folder, 'a-text') }), undefined);
  });

  it('says what to do when the browser fails, makes nothing, or does not end', async () => {
    const scripts = ['exit 3', 'exit 0', 'sleep 600'];
    for (const [at, script] of scripts.entries()) {
      const path = browser(`failing-${at}`, script);
      const made = printPdf(
        join(folder, 'page.html'),
        join(folder, `no-${at}.pdf`),
        script === 'sleep 600' ? 300 : 10_000,
        path,
      );
      await assert.rejects(
        made,
        (error) => error instanceof EvidenceError && /print it from there/.test(error.hint ?? ''),
      );
    }
  });
});
