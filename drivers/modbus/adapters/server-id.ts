/** The device's identity by function 17, where it knows no 43/14. */

import { type AdapterModule } from '../../../harness/driver.ts';
import { FrameError } from '../../../harness/errors.ts';
import { Cursor } from '../../../harness/wire/cursor.ts';
import { constant, counted, frameTable, lengthOf, u8 } from '../../../harness/wire/frame-table.ts';
import { deviceException } from '../frames.ts';
import { EXCEPTION_BIT, FUNCTION, hexByte } from '../functions.ts';
import { registersOf } from './common.ts';
import { type ServerIdSettings } from './settings.ts';

/** Source: Application Protocol V1.1b3, section 6.13 */
const serverIdAnswer = frameTable('Report Server ID answer', {
  function: constant(u8(), FUNCTION.reportServerId),
  bytes: lengthOf(u8(), 'content'),
  content: counted('bytes'),
});
/** Run indicator. */
const states: Readonly<Record<number, string>> = { 0x00: 'off', 0xff: 'on' };

export const serverId: AdapterModule<'identity', ServerIdSettings> = {
  name: 'modbus-server-id',
  role: 'identity',
  create({ idBytes }, wire) {
    const registers = registersOf(wire);
    return {
      async read() {
        const pdu = await registers.raw(Uint8Array.of(FUNCTION.reportServerId));
        if (pdu[0]! & EXCEPTION_BIT) throw deviceException(wire.name, FUNCTION.reportServerId, pdu[1]!);
        const content = Buffer.from(serverIdAnswer.read(new Cursor(pdu, serverIdAnswer.name)).content);
        const state = content[idBytes];
        if (state === undefined) {
          throw new FrameError(
            'wrong-answer',
            `${wire.name}: a server id of ${content.length} bytes came, idBytes says ${idBytes} and a state behind them`,
            { data: { bytes: content.length, idBytes }, hint: 'Set idBytes as the device’s manual has it.' },
          );
        }
        const text = content.toString('latin1', idBytes + 1).replace(/[\0 ]+$/, '');
        return {
          serverId: content.toString('hex', 0, idBytes),
          running: states[state] ?? hexByte(state),
          ...(text === '' ? {} : { text }),
        };
      },
    };
  },
};
