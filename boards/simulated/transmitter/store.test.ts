import assert from 'node:assert/strict';
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'mocha';
import { AuditLog } from '../audit-log.ts';
import { FAITHFUL } from '../defects.ts';
import { Flash } from '../flash.ts';
import { OtpCounter } from '../otp.ts';
import { withFolder } from '../testing/bench.ts';
import { boot, type RunningImage } from './boot-loader.ts';
import { manufacture } from './factory.ts';
import { FILES, LAYOUT } from './layout.ts';
import { Store } from './store.ts';
import { IMAGE, sha256 } from './testing/bench.ts';
import { loadTrustedKeys } from './trusted-keys.ts';

const keys = loadTrustedKeys();

class PowerCut extends Error {}

/** The boot loader over the flash in a folder; with `steps`, the supply is cut after so many of them. */
class Chip {
  readonly #folder: string;
  readonly store: Store;
  readonly #floor: OtpCounter;
  readonly #flash: Flash;
  stepsDone = 0;

  constructor(folder: string, steps = Infinity) {
    this.#folder = folder;
    this.#flash = new Flash(join(folder, FILES.flash), () => {
      if (this.stepsDone >= steps) throw new PowerCut();
      this.stepsDone += 1;
    });
    this.#floor = new OtpCounter(join(folder, FILES.otp));
    this.store = new Store(this.#flash, () => ({ keys, floor: this.#floor.value, defects: new Set() }));
  }

  get floor(): number {
    return this.#floor.value;
  }

  get events(): string[] {
    return this.#log()
      .since(0)
      .map(({ event }) => event);
  }

  boot(): RunningImage | undefined {
    return boot({
      store: this.store,
      floor: this.#floor,
      log: this.#log(),
      defects: new Set(),
      print: () => undefined,
    });
  }

  /** As the updater leaves it when an image was verified. */
  stage(image: Buffer): void {
    this.store.stage(0, image);
    this.store.update({ staging: { bytes: image.length, status: 'verified' } });
  }

  close(): void {
    this.#flash.close();
  }

  #log(): AuditLog {
    return new AuditLog(join(this.#folder, FILES.log), FAITHFUL);
  }
}

function onChip<T>(folder: string, work: (chip: Chip) => T, steps?: number): T {
  const chip = new Chip(folder, steps);
  try {
    return work(chip);
  } finally {
    chip.close();
  }
}

describe('simulated transmitter: slot and staging area', () => {
  it('installs what was ordered, and raises the floor with it', () =>
    withFolder((folder) => {
      manufacture(folder);
      onChip(folder, (chip) => {
        chip.stage(IMAGE.newer);
        chip.store.orderCopy();
      });
      onChip(folder, (chip) => {
        assert.deepEqual(chip.boot(), { version: '2.2.0', digest: sha256(IMAGE.newer) });
        assert.equal(chip.floor, 4);
        assert.deepEqual(chip.events, ['update-installed', 'counter-raised']);
      });
    }));

  it('ends with the new image wherever the copy is cut, and runs nothing in between', () =>
    withFolder((folder) => {
      manufacture(folder);
      const steps = onChip(folder, (chip) => {
        chip.stage(IMAGE.pair);
        chip.store.orderCopy();
        return chip.stepsDone;
      });
      assert.ok(steps > 0);
      const before = join(folder, 'before.bin');
      copyFileSync(join(folder, FILES.flash), before);
      const whole = onChip(folder, (chip) => {
        chip.boot();
        return chip.stepsDone;
      });
      for (let cut = 0; cut < whole; cut += 7) {
        copyFileSync(before, join(folder, FILES.flash));
        assert.throws(() => onChip(folder, (chip) => chip.boot(), cut), PowerCut, `cut ${cut}`);
        assert.equal(onChip(folder, (chip) => chip.boot())?.version, '2.1.1', `cut ${cut} of ${whole}`);
      }
    }));

  it('looks at what is staged once more before it copies', () =>
    withFolder((folder) => {
      manufacture(folder);
      onChip(folder, (chip) => {
        chip.stage(IMAGE.pair);
        chip.store.orderCopy();
        chip.store.flash.corrupt(LAYOUT.staging.start + 0x1000, 0x01);
        assert.equal(chip.boot()?.version, '2.1.0');
        assert.deepEqual(chip.events, ['boot-refused']);
        assert.equal(chip.store.record.staging.status, 'empty');
      });
    }));

  it('puts the copy of an altered slot back, and without one runs nothing', () =>
    withFolder((folder) => {
      manufacture(folder);
      onChip(folder, (chip) => {
        chip.stage(IMAGE.pair);
        chip.store.orderCopy();
        assert.equal(chip.boot()?.version, '2.1.1');
        chip.store.flash.corrupt(LAYOUT.slot.start + 0x1000, 0x01);
        assert.deepEqual(chip.boot(), { version: '2.1.1', digest: sha256(IMAGE.pair) });
        assert.deepEqual(chip.events, ['update-installed', 'boot-refused', 'image-restored']);
        chip.store.flash.corrupt(LAYOUT.slot.start + 0x1000, 0x01);
        chip.store.emptyStaging();
        assert.equal(chip.boot(), undefined);
      });
    }));
});
