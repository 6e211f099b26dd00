/**
 * The OPC UA communication module of the simulated gateway: a process that the device forks, with an IPC channel
 * (ipc.ts). It ends at once when the channel does.
 *
 * `FIELDPROOF_OPCUA_LOG=1` leaves node-opcua's own messages on the console.
 */

import { DeviceLink } from './device-link.ts';
import { type DeviceMessage, type GatewayState, type ModuleMessage, type StartMessage } from './ipc.ts';
import { loadNodeOpcua } from './node-opcua.ts';
import { type RunningServer, startOpcuaServer } from './opcua-server.ts';
import { guardSequenceNumbers } from './sequence-guard.ts';

const acceptsRepeatedSequence = 'opcua-accepts-repeated-sequence';
const wrongUsage = 64;

if (process.send === undefined) {
  console.error(
    'server.ts is a part of the simulated gateway, which forks it with an IPC channel; start that instead.',
  );
  process.exit(wrongUsage);
}

process.on('disconnect', () => process.exit(0));

const device = new DeviceLink(send);
// Loaded while the device's first message is still on its way.
const library = loadNodeOpcua(process.env['FIELDPROOF_OPCUA_LOG'] === '1');
let latest: GatewayState | null = null;
let running: RunningServer | null = null;
let isStarting = false;

process.on('message', (message) => {
  receive(message as DeviceMessage);
});

function receive(message: DeviceMessage): void {
  switch (message.type) {
    case 'start':
      if (!isStarting) void start(checked(message));
      break;
    case 'state':
      latest = message.state;
      running?.show(message.state);
      break;
    case 'alarm':
      running?.raise(message);
      break;
    case 'result':
      device.settle(message);
      break;
  }
}

/** The one message that everything rests on; a device that sends it wrongly is told so, not met by a puzzle. */
function checked(message: StartMessage): StartMessage {
  const { stateDir, publicPort, identity, confirmWithinMs, stalledAfterMs, defects } =
    message as Partial<StartMessage>;
  const needed = { stateDir, publicPort, identity, confirmWithinMs, stalledAfterMs, defects };
  const missing = Object.entries(needed).filter(([, value]) => value === undefined);
  if (missing.length > 0) {
    console.error(
      `the device's start message lacks ${missing.map(([name]) => name).join(', ')} (see ipc.ts)`,
    );
    process.exit(1);
  }
  return message;
}

async function start(message: StartMessage): Promise<void> {
  isStarting = true;
  guardSequenceNumbers(library, {
    acceptRepeated: message.defects.includes(acceptsRepeatedSequence),
    onRefused: (text) => device.log({ event: 'channel-closed', object: 'opcua', result: 'refused', text }),
  });
  try {
    running = await startOpcuaServer(library, message, device);
  } catch (error) {
    console.error(
      `the OPC UA server did not start: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
    );
    process.exit(1);
  }
  if (latest !== null) running.show(latest);
  device.listening(running.port, running.fingerprint);
}

function send(message: ModuleMessage): void {
  // The channel may close between two messages; `disconnect` ends the process then.
  process.send?.(message, undefined, undefined, () => {});
}
