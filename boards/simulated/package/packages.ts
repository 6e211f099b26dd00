/** The model that takes packages in place of bare images: verifies them, and puts what is in them where it belongs. */

import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve, sep } from 'node:path';
import { type Defects } from '../defects.ts';
import { BLOCK_BYTES, LAYOUT } from '../flash.ts';
import { type Verdict } from '../image-verifier.ts';
import { ImageRefused, versionText, type ImageVersion } from '../mcuboot-image.ts';
import { type SlotName, type SlotRecord, type Slots } from '../slots.ts';
import { DeviceClock } from './clock.ts';
import { verifyPackage, type GoodPackage } from './package-verifier.ts';
import { PackageRecords, type PackageFacts } from './records.ts';
import { loadTrust, type PackageModel, type PackageTrust } from './trust.ts';

/** In the flash folder: the clock's setting, and files that packages bring. */
const PACKAGE_FILES = { clock: 'clock.json', kept: 'files' } as const;

export class Packages {
  readonly clock: DeviceClock;
  readonly #slots: Slots;
  readonly #defects: Defects;
  readonly #folder: string;
  readonly #trust: PackageTrust;
  readonly #records: PackageRecords;
  #verified: GoodPackage | undefined;

  /** @param folder the flash folder */
  constructor(model: PackageModel, folder: string, slots: Slots, defects: Defects) {
    this.clock = new DeviceClock(join(folder, PACKAGE_FILES.clock));
    this.#slots = slots;
    this.#defects = defects;
    this.#folder = folder;
    this.#trust = loadTrust(model);
    this.#records = new PackageRecords(slots.flash);
  }

  /** What the package in a slot says of itself. */
  facts(slot: SlotName): PackageFacts | undefined {
    return this.#records.find(this.#slots.record[slot].package);
  }

  /** Version of the package in a slot; the firmware's own where the slot names no package. */
  versionText(slot: SlotName, firmware: ImageVersion): string {
    const facts = this.facts(slot);
    return facts === undefined ? versionText(firmware) : (facts.version ?? 'without');
  }

  /**
   * Judges a package by what is in it; what was good is kept for {@link place}.
   *
   * @param bytes exactly what was received
   * @param hang stops everything for good; only a defect calls it
   */
  judge(bytes: Buffer, hang: () => void): Verdict {
    this.#verified = undefined;
    try {
      this.#verified = verifyPackage(bytes, {
        trust: this.#trust,
        clock: this.clock,
        installed: { facts: this.facts('primary'), firmware: this.#runningVersion() },
        defects: this.#defects,
        verifyFirmware: (image) => this.#slots.verifyBytes(image),
        hang,
      });
      return this.#verified.firmware;
    } catch (error) {
      if (error instanceof ImageRefused) return { ok: false, reason: error.reason, detail: error.message };
      throw error;
    }
  }

  /** Puts the firmware over the package in the secondary slot. @returns the slot's record, which is still to be written */
  place(): SlotRecord {
    const verified = this.#verified;
    if (verified === undefined) return { bytes: 0 };
    const { facts, contents } = verified;
    const image = contents.unlisted ?? contents.firmware;
    const { flash, record } = this.#slots;
    this.#slots.update({ secondary: { bytes: 0 } }); // half a firmware is none
    for (let done = 0; done < image.length; done += BLOCK_BYTES) {
      flash.erase(LAYOUT.secondary.start + done);
      flash.program(LAYOUT.secondary.start + done, image.subarray(done, done + BLOCK_BYTES));
    }
    for (const file of contents.kept) this.#keep(file.name, file.data);
    return { bytes: image.length, package: this.#records.add(facts, record.primary.package) };
  }

  /** A name that leads elsewhere only comes this far by a defect; even then nothing outside the flash is touched. */
  #keep(name: string, data: Buffer): void {
    const path = resolve(this.#folder, PACKAGE_FILES.kept, name);
    if (!path.startsWith(resolve(this.#folder) + sep)) return;
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, data);
  }

  #runningVersion(): ImageVersion | undefined {
    const running = this.#slots.verify('primary');
    return running?.ok === true ? running.version : undefined;
  }
}
