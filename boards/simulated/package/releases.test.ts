import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { type DefectName } from '../defects.ts';
import {
  firmware,
  FIRMWARE,
  GOLDEN,
  INSTALLED,
  packageFile,
  PARAMETERS,
  verdictOn,
} from '../testing/packages.ts';
import { buildPackage, type PackageRecipe } from '../vendor/build-package.ts';
import { compareVersions, parseVersion } from './version-order.ts';

function changed(change: Partial<PackageRecipe>): Buffer {
  return buildPackage({ ...GOLDEN, ...change });
}

/** File on the shelf, its reason of refusal, and the defect that takes it. */
const SHELF: readonly (readonly [string, string, DefectName?])[] = [
  ['golden-1.10.0', 'accepted'],
  ['golden2-1.10.0', 'accepted'],
  ['newer-1.11.0', 'accepted'],
  ['newer2-1.11.0', 'accepted'],
  ['older-1.8.0', 'version'],
  ['older2-1.8.0', 'version'],
  ['equal-counter-1.9.9', 'version', 'lower-version-installs'],
  ['lower-number-1.9.0', 'version', 'version-as-text'],
  ['pre-release-1.10.0-rc.1', 'version', 'version-as-text'],
  ['no-version', 'no-version', 'version-missing-accepted'],
  ['other-hardware-1.11.0', 'hardware'],
  ['expired-1.10.0', 'stale', 'ignores-expiry'],
  ['newer-expired-1.11.1', 'stale', 'ignores-expiry'],
  ['stale-component-1.11.2', 'component', 'takes-stale-component'],
  ['older-under-newer-1.12.0', 'older-firmware', 'manifest-number-decides'],
  ['path-traversal-1.10.1', 'path', 'follows-paths'],
];

describe('packages: which releases', () => {
  for (const [name, reason, defect] of SHELF) {
    it(`meets ${name} with ${reason}${defect === undefined ? '' : `, and takes it with defect ${defect}`}`, async () => {
      assert.equal(await verdictOn(packageFile(name)), reason);
      if (defect !== undefined)
        assert.equal(await verdictOn(packageFile(name), { defects: [defect] }), 'accepted');
    });
  }

  it('goes by the counter of the firmware too, whatever the package says', async () => {
    const files = [firmware('1.11.0', 4), PARAMETERS];
    assert.equal(await verdictOn(changed({ version: '1.11.0', sequence: 11, files })), 'counter');
  });

  it('refuses a lower sequence, and numbers that are none', async () => {
    assert.equal(await verdictOn(changed({ version: '1.11.0', sequence: 9 })), 'sequence');
    for (const version of ['1.10', '1.10.0+build.7', '1.10.1-0.3.7']) {
      assert.equal(await verdictOn(changed({ version })), 'accepted', version);
    }
    for (const version of ['', 'v1.10.0', '1.010.0', '1.10.0.1', '1.10.0-', '9'.repeat(30)]) {
      assert.equal(await verdictOn(changed({ version })), 'format', version);
    }
  });

  it('goes by its own clock for expiry', async () => {
    const bytes = changed({ expires: '2030-01-01T00:00:00Z' });
    assert.equal(await verdictOn(bytes, { clock: '2029-12-31T23:59:00Z' }), 'accepted');
    assert.equal(await verdictOn(bytes, { clock: '2030-01-01T00:00:01Z' }), 'stale');
    assert.equal(await verdictOn(changed({ expires: '2030-01-01' })), 'format');
  });

  it('compares with nothing where nothing is installed', async () => {
    const installed = { facts: undefined, firmware: undefined };
    assert.equal(await verdictOn(packageFile('lower-number-1.9.0'), { installed }), 'accepted');
    const recovering = { ...INSTALLED, firmware: undefined };
    assert.equal(await verdictOn(packageFile('lower-number-1.9.0'), { installed: recovering }), 'version');
  });

  it('orders versions as Semantic Versioning 11 does', () => {
    const order = [
      ...['1.0.0-alpha', '1.0.0-alpha.1', '1.0.0-alpha.beta', '1.0.0-beta', '1.0.0-beta.2', '1.0.0-beta.11'],
      ...['1.0.0-rc.1', '1.0.0', '1.9.0', '1.10.0-rc.1', '1.10.0', '2.0.0'],
    ].map((text) => parseVersion(text) ?? assert.fail(text));
    for (const [index, lower] of order.entries()) {
      assert.equal(compareVersions(lower, lower), 0);
      for (const higher of order.slice(index + 1)) {
        assert.ok(compareVersions(lower, higher) < 0);
        assert.ok(compareVersions(higher, lower) > 0);
      }
    }
    const [short, built] = ['3', '3.0.0+a'].map((text) => parseVersion(text) ?? assert.fail(text));
    if (short !== undefined && built !== undefined) assert.equal(compareVersions(short, built), 0);
  });

  it('wants firmware and parameters, each once', async () => {
    assert.equal(await verdictOn(changed({ files: [FIRMWARE] })), 'format');
    const twice = [FIRMWARE, PARAMETERS, { ...FIRMWARE, name: 'again.bin' }];
    assert.equal(await verdictOn(changed({ files: twice })), 'format');
  });
});
