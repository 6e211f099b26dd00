// Stands in for the OPC UA module: the device's side of the IPC protocol is what is tested. Each line that a client
// sends is a call in JSON; `state`, `start` and `alarms` ask for what the device has told so far.
import { createServer } from 'node:net';

const told = { start: undefined, state: undefined, alarms: [] };
const waiting = new Map();
let nextId = 1;

process.on('disconnect', () => process.exit(0));
process.on('message', (message) => {
  if (message.type === 'start') {
    told.start = message;
    const server = createServer(serve);
    server.listen(0, '127.0.0.1', () =>
      process.send({ type: 'listening', port: server.address().port, fingerprint: 'ab'.repeat(20) }),
    );
  } else if (message.type === 'state') told.state = message.state;
  else if (message.type === 'alarm') told.alarms.push(message);
  else waiting.get(message.id)?.(message);
});

function serve(socket) {
  socket.on('error', () => undefined);
  let text = '';
  socket.on('data', (bytes) => {
    text += bytes;
    for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n')) {
      obey(socket, text.slice(0, end));
      text = text.slice(end + 1);
    }
  });
}

function obey(socket, line) {
  const reply = (value) => socket.write(`${JSON.stringify(value ?? null)}\n`);
  if (line in told) return reply(told[line]);
  const message = JSON.parse(line);
  if (message.type === 'log') {
    process.send(message);
    return reply({ ok: true });
  }
  const id = nextId++;
  waiting.set(id, reply);
  process.send({ type: 'call', id, ...message });
}
