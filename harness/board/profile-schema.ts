/** What a profile may hold: how a device model does things, in a board file or in a file of its own. */

import { z } from 'zod';
import type { BoardParts } from './board-schema.ts';
import { itemName, kebab } from './names.ts';

const wireName = kebab.describe('Name of a wire of this board');
const milliseconds = z.number().int().positive().max(86_400_000);

/** The schema of a profile over the given parts. */
export function profileSchema(parts: BoardParts) {
  const { adapter } = parts;
  const value = adapter('value');
  const action = adapter('action');
  const actions = z.record(itemName, action);

  const firmware = z.strictObject({
    version: value.optional().describe('Reads the version of the running image'),
    digest: value.optional().describe('Reads the digest of the running image, hex'),
    securityCounter: value.optional().describe('Reads the floor below which images are refused'),
    confirmation: value.optional().describe('Reads `confirmed` or `trial`'),
    ingresses: z
      .record(kebab, parts.ingress(action))
      .refine((all) => Object.keys(all).length > 0, 'at least one way in is needed')
      .describe('Every way in for firmware, by name; the first is the primary'),
    activate: action.optional().describe('Asks the device to run the image offered last'),
    confirm: action.optional().describe('Makes a trial permanent; leave it out when none is needed'),
    discard: action.optional().describe('Drops an image offered but not activated'),
    revert: action.optional().describe('Asks for the image that ran before the running one'),
    allowOlder: action.optional().describe('The operator’s override: asks the device to take an older image'),
    factoryReset: action.optional().describe('Resets the configuration to factory values'),
  });

  return z.strictObject({
    ready: value.optional().describe('Answers once the device has booted'),
    bootsWithinMs: milliseconds
      .optional()
      .describe(
        'How long the bench waits for the device to boot; default: the time that is declared, or 30 s',
      ),
    identity: adapter('identity')
      .optional()
      .describe('Reads who the device says it is; compared with the declaration'),
    power: wireName.optional().describe('Wire that switches the supply of the device'),
    restart: action
      .optional()
      .describe('Restarts the device by asking it to, where its supply cannot be cut'),
    time: z
      .strictObject({
        set: adapter('clock').describe('Sets the device’s clock'),
        unset: action.optional().describe('Makes the device forget the time, as without its battery'),
      })
      .optional()
      .describe('Control over the device’s clock'),
    firmware: firmware.optional().describe('How firmware is offered, started and read back'),
    process: z
      .strictObject({
        read: value.describe('Reads the live process value'),
        unit: z.string().min(1).describe('Unit of the value, for the record'),
        changesWithinMs: milliseconds.describe('The value of a working device changes within this time'),
      })
      .optional()
      .describe('Proof that the device is still doing its job'),
    alarms: z.record(kebab, adapter('alarm')).optional().describe('Alarm wires by name, all heard at once'),
    acknowledgeAlarms: action.optional().describe('Acknowledges all alarms'),
    tamper: z
      .strictObject({
        kinds: actions.describe('Declared means of corrupting a device opened for test, by kind'),
        restore: action.optional().describe('Undoes all that can be undone without power'),
      })
      .optional()
      .describe('Means of corrupting the device, if it was opened for test'),
    commands: z
      .strictObject({
        messages: adapter('messages').describe('Carries authenticated command messages'),
        effect: value.describe('Reads what commands act upon'),
        counter: value.optional().describe('Reads the counter of the last accepted message'),
        plain: action.optional().describe('A plain write of the same effect, without protection'),
        tap: wireName.optional().describe('Tap on the wire that carries the messages'),
      })
      .optional()
      .describe('Authenticated command messages and what they act upon'),
    audit: adapter('audit').optional().describe('Reads the audit log'),
    linkAttacks: z.array(wireName).optional().describe('Wires whose named attacks the cases may use'),
  });
}
