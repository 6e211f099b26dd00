/** A way in for firmware: file records (function 21) between two writes of a control register. */

import { type Answer } from '../../../harness/capabilities.ts';
import { monotonicMs } from '../../../harness/clock.ts';
import { type AdapterModule } from '../../../harness/driver.ts';
import { awaitOutcome, registersOf } from './common.ts';
import { EndlessRecords, endlessBy } from './endless-records.ts';
import { pieces, RecordTransfer } from './record-transfer.ts';
import { type FileRecordsSettings } from './settings.ts';

/** A whole image, and the device's verdict. */
class Transfer extends RecordTransfer {
  async run(): Promise<Answer> {
    return this.delivered(await this.#outcome());
  }

  async #outcome(): Promise<Answer> {
    try {
      await this.begin();
      for (const piece of pieces(this.image.bytes, this.settings)) await this.sendPiece(piece);
      await this.end();
    } catch (error) {
      return this.broken(error);
    }
    return awaitOutcome(this.registers, this.wanted(), monotonicMs());
  }
}

export const fileRecords: AdapterModule<'ingress', FileRecordsSettings> = {
  name: 'modbus-file-records',
  role: 'ingress',
  create(settings, wire) {
    const registers = registersOf(wire);
    return {
      offer: (image) => new Transfer(registers, settings, image).run(),
      endless: endlessBy(settings),
      offerEndlessly: (image, transfer) => new EndlessRecords(registers, settings, image).run(transfer),
    };
  },
};
