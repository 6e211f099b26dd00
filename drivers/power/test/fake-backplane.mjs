// A small stand-in for the simulated gateway's backplane: the same protocol (boards/simulated/README.md), no device.
// FAKE=mute|garbage|dies|stubborn|device-crashes|serial-only in the environment makes it misbehave.
import { writeFileSync } from 'node:fs';

const mode = process.env.FAKE ?? '';
const say = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);

if (mode === 'dies') {
  process.stderr.write('first words\nError: listen EADDRINUSE 127.0.0.1:1502\n');
  process.exit(7);
}
if (process.env.FAKE_PID_FILE) writeFileSync(process.env.FAKE_PID_FILE, String(process.pid));
if (mode === 'stubborn') process.on('SIGTERM', () => process.stderr.write('not now\n'));
if (mode === 'garbage') process.stdout.write('Segmentation fault (core dumped)\n');

let power = 'on';
let devicePid = 1000;
let plugs = 0;

const commands = {
  'power-off': () => {
    power = 'off';
    say({ event: 'device-exit', code: null, signal: 'SIGKILL' });
    return {};
  },
  'power-on': () => {
    power = 'on';
    devicePid += 1;
    say({ event: 'device-start', pid: devicePid });
    return {};
  },
  status: () => ({ power, pid: power === 'on' ? devicePid : null, argv: process.argv.slice(2) }),
  unplug: () => ({}),
  plug: ({ port }) => ({ path: `/dev/pts/fake-${port}-${(plugs += 1)}` }),
};

const handle = (line) => {
  const message = JSON.parse(line);
  if (message.do === 'exit') {
    if (mode === 'stubborn') return;
    say({ id: message.id, ok: true });
    process.exit(0);
  }
  const command = commands[message.do];
  if (command === undefined) say({ id: message.id, ok: false, error: `unknown command ${message.do}` });
  else say({ id: message.id, ok: true, ...command(message) });
};

let rest = '';
process.stdin.setEncoding('utf8');
process.stdin.on('data', (text) => {
  const lines = (rest + text).split('\n');
  rest = lines.pop();
  for (const line of lines) handle(line);
});
process.stdin.on('end', () => {
  if (mode !== 'stubborn') process.exit(0);
});
if (mode === 'stubborn') setInterval(() => undefined, 1000);

if (mode !== 'mute' && mode !== 'garbage') {
  const opened = process.argv.includes('--opened-for-test');
  say({
    event: 'ready',
    console: '/dev/pts/fake-1',
    rs485: '/dev/pts/fake-2',
    maintenance: opened ? '/dev/pts/fake-3' : null,
    modbusPort: mode === 'serial-only' ? null : 1502,
    opcuaPort: mode === 'serial-only' || process.argv.includes('--no-opcua') ? null : 4840,
    flash: '/tmp/fake-flash',
  });
  if (mode === 'device-crashes') say({ event: 'device-exit', code: 139, signal: null });
}
