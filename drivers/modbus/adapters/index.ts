/** Every adapter of the Modbus driver; their settings stand in `settings.ts`. */

import { type AnyAdapterModule } from '../../../harness/driver.ts';
import { alarmBit } from './alarm-bit.ts';
import { clock } from './clock.ts';
import { commandMessages } from './command-messages.ts';
import { fileRecords } from './file-records.ts';
import { identity } from './identity.ts';
import { registerValue } from './register-value.ts';
import { serverId } from './server-id.ts';
import { writeAction } from './write-action.ts';

export const adapters: readonly AnyAdapterModule[] = [
  registerValue,
  identity,
  serverId,
  writeAction,
  fileRecords,
  clock,
  alarmBit,
  commandMessages,
];
