import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'mocha';

const repository = join(import.meta.dirname, '../..');

/** The tests of a device that lacks what it needs, under mocha as `npm run test:devices` starts it. */
function testsOfALackingDevice(
  environment: NodeJS.ProcessEnv,
  needs: readonly string[],
): { code: number | null; out: string } {
  const folder = mkdtempSync(join(tmpdir(), 'fieldproof-lacking-'));
  try {
    const file = join(folder, 'lacking.device-test.mts');
    writeFileSync(
      file,
      `import { it } from ${JSON.stringify(import.meta.resolve('mocha'))};
       import { whereInstalled } from ${JSON.stringify(join(import.meta.dirname, 'device-tests.ts'))};
       const device = { name: 'lacking', title: 'Lacking 1.0', packages: ['lacking-tools'], needs: ${JSON.stringify(needs)}, boards: [] };
       whereInstalled(device, () => it('judges it', () => undefined));`,
    );
    const { REQUIRE_DEVICES: _, ...inherited } = process.env;
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      ['node_modules/mocha/bin/mocha.js', '--no-config', '--require', './.ci/import-only.mjs', file],
      { cwd: repository, env: { ...inherited, ...environment }, encoding: 'utf8' },
    );
    return { code: status, out: stdout + stderr };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

describe('tests of a third-party device', function () {
  this.timeout(60_000); // mocha is started three times

  it('run where it is installed', () => {
    const { code, out } = testsOfALackingDevice({}, ['sh']);
    assert.equal(code, 0, out);
    assert.match(out, /1 passing/);
    assert.doesNotMatch(out, /pending|SKIPPED/);
  });

  it('are skipped where it is not, and say for want of what', () => {
    const { code, out } = testsOfALackingDevice({}, ['sh', 'no-such-tool']);
    assert.equal(code, 0, out);
    assert.match(out, /Lacking 1\.0\n.*SKIPPED for want of no-such-tool \(Debian: lacking-tools\)/);
    assert.match(out, /0 passing.*\n +1 pending/);
  });

  it('fail where it is not, when all devices are required', () => {
    const { code, out } = testsOfALackingDevice({ REQUIRE_DEVICES: '1' }, ['sh', 'no-such-tool']);
    assert.equal(code, 1, out);
    assert.match(out, /for want of no-such-tool/);
  });
});
