import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'mocha';
import { notObservable, seen, type Device, type FirmwareImage, type FirmwareState } from '../capabilities.ts';
import { Inconclusive, NotExecuted } from '../errors.ts';
import { controlInstallation, nextControlImage } from './controls.ts';
import { recover } from './recovery.ts';
import { setCurrentRun } from './run.ts';
import { changes, differsFromImage, fitOf } from './state.ts';
import { buildRauc } from '../image/formats/rauc/test/builder.ts';
import { squashfsOf } from '../image/formats/rauc/test/squashfs.ts';
import { makeTestAuthority } from '../image/test/test-ca.ts';
import { contextOf, fakeRun, image, type FakeRun } from './test/fake-run.ts';

const strange = (name: string, byte: number): FirmwareImage => ({
  name,
  bytes: Buffer.alloc(64, byte),
  sha256: String(byte).repeat(64).slice(0, 64),
});

const stateOf = (version: string | undefined, digest: string | undefined): FirmwareState => ({
  version: version === undefined ? notObservable('hidden') : seen(version),
  digest: digest === undefined ? notObservable('hidden') : seen(digest),
  securityCounter: seen(5),
  confirmation: seen('confirmed'),
});

/** A run with a pair of unknown format on a device that shows only a version. */
function unknownFormat(installs: boolean): FakeRun {
  const pair = [strange('golden', 1), strange('pair', 2)] as const;
  let running: FirmwareImage = pair[0];
  let staged: FirmwareImage = running;
  const yes = { kind: 'accepted', elapsedMs: 1 } as const;
  const device = (whole: Device): Device => ({
    ...whole,
    firmware: {
      ingresses: ['ymodem'],
      readState: async () => stateOf(`version ${running.name}`, undefined),
      offer: async (offered) => {
        staged = offered;
        return yes;
      },
      activate: async () => {
        if (installs) running = staged;
        return yes;
      },
      confirm: async () => yes,
    },
  });
  const run = fakeRun({ device });
  const images = run.images as Map<string, FirmwareImage>;
  pair.forEach((each) => images.set(each.name, each));
  return run;
}

describe('a control', () => {
  afterEach(() => setCurrentRun(undefined));

  it('of a pair alternates, and leaves a trace', async () => {
    const run = fakeRun();
    const t = contextOf(run);
    const first = await controlInstallation(t, 'before', 'ymodem');
    const second = await controlInstallation(t, 'after', 'ymodem');
    assert.deepEqual(
      [first, second].map(({ trace }) => trace?.split(':')[0]),
      ['version', 'version'],
    );
    assert.ok(changes(first.state, second.state).length > 0);
  });

  it('of an unknown format proves itself by a difference: with both images, if need be', async () => {
    const run = unknownFormat(true);
    const done = await controlInstallation(contextOf(run), 'before', 'ymodem');
    assert.match(done.trace ?? '', /version golden → version pair/);
  });

  it('of an unknown format that is accepted and does nothing means nothing', async () => {
    await assert.rejects(
      controlInstallation(contextOf(unknownFormat(false)), 'before', 'ymodem'),
      (error: Error) => error instanceof Inconclusive && error.code === 'control-before-without-trace',
    );
  });

  it('by reinstallation says that nothing but the device’s word speaks for it', async () => {
    const run = fakeRun({
      faults: { genuine: 'ignores' },
      declaration: { controls: { way: 'reinstall' } },
    });
    const t = contextOf(run);
    const done = await controlInstallation(t, 'before', 'ymodem');
    assert.equal(done.trace, undefined);
    assert.match(t.notes.join(), /weak control/);
  });

  it('by reinstallation has a trace where the trial can be seen', async () => {
    const options = { declaration: { controls: { way: 'reinstall' as const } } };
    const run = fakeRun(options);
    const done = await controlInstallation(contextOf(run), 'before', 'ymodem');
    assert.match(done.trace ?? '', /confirmed → trial/);
  });

  it('of a series takes each image once', () => {
    const run = fakeRun({ declaration: { controls: { way: 'series', left: 1 } } });
    run.series.push(image('newer'));
    const t = contextOf(run);
    const state = stateOf('1.2.0+0', undefined);
    assert.equal(nextControlImage(t, state), image('newer'));
    assert.throws(() => nextControlImage(t, state), NotExecuted);
  });

  it('after an attack recovers by the way that the declaration names', async () => {
    const run = fakeRun({ declaration: { controls: { way: 'series', left: 1 } } });
    run.series.push(image('newer'));
    const t = contextOf(run);
    await recover(t, stateOf('1.1.0+0', 'somewhere else'), 'a test');
    assert.equal(run.gateway.running.version, '1.3.0+0', 'never the golden image, which a floor may forbid');
  });

  it('that cannot recover poisons the board with the first cause', async () => {
    const run = fakeRun({ faults: { genuine: 'refuses' } });
    const t = contextOf(run);
    await assert.rejects(recover(t, stateOf('0', 'x'), 'first'));
    await assert.rejects(recover(t, stateOf('0', 'x'), 'second'));
    assert.match(run.poisoned?.cause ?? '', /^first; recovery failed: .*refused/);
  });
});

describe('a state against an image', () => {
  const [digest = ''] = [image('golden').sha256];
  const rows: [string, FirmwareState, FirmwareImage, string][] = [
    ['version and digest', stateOf('1.2.0+0', digest), image('golden'), 'fits'],
    ['version alone', stateOf('1.2.0+0', undefined), image('golden'), 'fits'],
    ['another digest', stateOf('1.2.0+0', 'ff'), image('golden'), 'differs'],
    ['another version', stateOf('1.1.0+0', undefined), image('golden'), 'differs'],
    ['nothing that can be read', stateOf(undefined, undefined), image('golden'), 'unknown'],
    ['an unknown format', stateOf('1.2.0+0', 'ff'), strange('x', 1), 'unknown'],
    ['an unknown format by its file’s digest', stateOf(undefined, '1'.repeat(64)), strange('x', 1), 'fits'],
  ];
  for (const [name, state, firmware, fit] of rows) {
    it(`${fit}: ${name}`, () => {
      assert.equal(fitOf(state, firmware).kind, fit);
      assert.equal(differsFromImage(state, firmware) !== undefined, fit === 'differs');
    });
  }

  it('unknown: another digest, where the image does not show what it holds', async () => {
    const { valid } = await makeTestAuthority('p256');
    const bytes = buildRauc({ by: valid, format: 'plain', squashfs: squashfsOf('xz') });
    const bundle = { name: 'bundle', bytes, sha256: '1'.repeat(64) };
    assert.equal(fitOf(stateOf('1.2.0', 'ff'), bundle).kind, 'unknown');
    assert.equal(fitOf(stateOf('1.2.0', '1'.repeat(64)), bundle).kind, 'fits');
  });
});
