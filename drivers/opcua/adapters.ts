/** Bridges from the address space to members of device capabilities. */

import type { z } from 'zod';
import type { Answer } from '../../harness/capabilities.ts';
import type { AdapterModule, AdapterRoles, AnyAdapterModule, Driver } from '../../harness/driver.ts';
import { monotonicMs } from '../../harness/clock.ts';
import { DriverError, FrameError } from '../../harness/errors.ts';
import { answerTo, turnedAway } from './faults.ts';
import { OpcUaDriver } from './opcua-driver.ts';
import type {
  alarmSchema,
  callSchema,
  commandSchema,
  confirmSchema,
  identitySchema,
  installSchema,
  nodeSchema,
  softwareUpdateSchema,
  writeSchema,
} from './settings.ts';
import { callForAnswer, confirmUpdate, installPackage, offerImage } from './software-update.ts';
import { loadOpcUa } from './library.ts';

function opcua(wire: Driver): OpcUaDriver {
  if (wire instanceof OpcUaDriver) return wire;
  throw new DriverError(
    'wrong-wire',
    `${wire.name} is a ${wire.kind} wire; this adapter needs an opcua wire`,
  );
}

const node: AdapterModule<'value', z.infer<typeof nodeSchema>> = {
  name: 'opcua-node',
  role: 'value',
  create: ({ nodeId }, wire) => ({ read: () => readTerm(opcua(wire), nodeId) }),
};

/** A number or text; bytes become lower-case hex, dates ISO 8601. */
async function readTerm(driver: OpcUaDriver, nodeId: string): Promise<string | number> {
  const value = await driver.nodes.read(nodeId);
  if (typeof value === 'number' || typeof value === 'string') return value;
  if (typeof value === 'bigint' || typeof value === 'boolean') return String(value);
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  if (value instanceof Date) return value.toISOString();
  throw new FrameError(
    'no-term',
    `${driver.name}: ${nodeId} holds ${JSON.stringify(value)}, neither a number nor text`,
  );
}

const identity: AdapterModule<'identity', z.infer<typeof identitySchema>> = {
  name: 'opcua-identity',
  role: 'identity',
  create: ({ nodes }, wire) => ({
    async read() {
      const found: Record<string, string> = {};
      for (const [name, nodeId] of Object.entries(nodes))
        found[name] = String(await readTerm(opcua(wire), nodeId));
      return found;
    },
  }),
};

const call: AdapterModule<'action', z.infer<typeof callSchema>> = {
  name: 'opcua-call',
  role: 'action',
  create: ({ objectId, methodId, withinMs, inputs }, wire) => ({
    perform: () =>
      unlessTurnedAway(opcua(wire), objectId, () =>
        callForAnswer(
          opcua(wire).nodes,
          objectId,
          methodId,
          withinMs,
          inputs.map(({ type, value }) => ({ type, value })),
        ),
      ),
  }),
};

const write: AdapterModule<'action', z.infer<typeof writeSchema>> = {
  name: 'opcua-write',
  role: 'action',
  create: ({ nodeId, type, value }, wire) => ({
    perform: () =>
      unlessTurnedAway(opcua(wire), nodeId, async () => {
        const startedAtMs = monotonicMs();
        const accepted = (): Pick<Answer, 'kind'> => ({ kind: 'accepted' });
        const answer = await opcua(wire).nodes.write(nodeId, { type, value }).then(accepted, answerTo);
        return { ...answer, elapsedMs: monotonicMs() - startedAtMs };
      }),
  }),
};

/** Whoever acts without protection may be refused before the act: at the channel, or as the session is made. */
async function unlessTurnedAway(
  driver: OpcUaDriver,
  nodeId: string,
  act: () => Promise<Answer>,
): Promise<Answer> {
  const startedAtMs = monotonicMs();
  try {
    await driver.nodes.reach(nodeId);
  } catch (error) {
    const reason = turnedAway(driver.settings, error);
    if (reason === undefined) throw error;
    return { kind: 'refused', reason, elapsedMs: monotonicMs() - startedAtMs };
  }
  return act();
}

const softwareUpdate: AdapterModule<'ingress', z.infer<typeof softwareUpdateSchema>> = {
  name: 'opcua-software-update',
  role: 'ingress',
  create: (settings, wire) => ({ offer: (image) => offerImage(opcua(wire).nodes, settings, image) }),
};

const install: AdapterModule<'action', z.infer<typeof installSchema>> = {
  name: 'opcua-software-install',
  role: 'action',
  create: (settings, wire) => ({ perform: () => installPackage(opcua(wire).nodes, settings) }),
};

const confirm: AdapterModule<'action', z.infer<typeof confirmSchema>> = {
  name: 'opcua-software-confirm',
  role: 'action',
  create: (settings, wire) => ({ perform: () => confirmUpdate(opcua(wire).nodes, settings) }),
};

type AlarmSettings = z.infer<typeof alarmSchema>;
type OnAlarm = Parameters<AdapterRoles['alarm']['listen']>[0];

const alarm: AdapterModule<'alarm', AlarmSettings> = {
  name: 'opcua-alarm-event',
  role: 'alarm',
  create: (settings, wire) => ({
    prepare: () => void loadOpcUa(),
    async listen(onAlarm, onFailure) {
      const driver = opcua(wire);
      let uncertaintyMs = settings.publishingMs ?? driver.settings.publishingMs;
      const subscription = await driver.nodes.subscribeEvents(
        settings.nodeId,
        [settings.objectField, settings.textField, 'Severity'],
        { publishingMs: uncertaintyMs },
        ({ fields, atMs }) => report(settings, fields, atMs, uncertaintyMs, onAlarm),
      );
      uncertaintyMs = subscription.revisedPublishingMs;
      subscription.onEnd(onFailure);
      return () => subscription.close();
    },
  }),
};

function report(
  settings: AlarmSettings,
  fields: Readonly<Record<string, unknown>>,
  atMs: number,
  uncertaintyMs: number,
  onAlarm: OnAlarm,
): void {
  const severity = fields['Severity'];
  if (typeof severity === 'number' && severity < settings.minimumSeverity) return;
  const word = textOf(fields[settings.objectField]);
  const object = settings.objects === undefined ? word : settings.objects[word];
  if (object === undefined) return; // an event about something that the board file does not call an alarm
  onAlarm({ object, text: textOf(fields[settings.textField]), atMs, uncertaintyMs });
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  return value === null || value === undefined ? '' : JSON.stringify(value);
}

type CommandSettings = z.infer<typeof commandSchema>;

const command: AdapterModule<'messages', CommandSettings> = {
  name: 'opcua-command',
  role: 'messages',
  create: (settings, wire) => ({
    send: (message) =>
      callForAnswer(
        opcua(wire).nodes,
        settings.objectId,
        settings.methodId,
        settings.withinMs,
        [{ type: 'ByteString', value: message }],
        ([result]) => readResult(settings, result),
      ),
    renew: () => opcua(wire).renew('a recording from the beginning of a connection'),
  }),
};

function readResult(settings: CommandSettings, result: unknown): Pick<Answer, 'kind' | 'reason'> {
  if (typeof result !== 'number')
    return { kind: 'garbage', reason: `the result was ${JSON.stringify(result) ?? 'missing'}` };
  if (settings.accepted.includes(result)) return { kind: 'accepted' };
  return { kind: 'refused', reason: settings.refused[String(result)] ?? `result ${result}` };
}

export const adapters: readonly AnyAdapterModule[] = [
  node,
  identity,
  call,
  write,
  softwareUpdate,
  install,
  confirm,
  alarm,
  command,
];
