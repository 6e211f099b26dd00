import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { TimeoutError } from '../../harness/errors.ts';
import { type Exchange } from './exchange.ts';
import { ModbusSerialPort } from './modbus-serial-port.ts';
import { type Session } from './session.ts';

/** A session that keeps what is submitted. */
function portOnPaper(): { port: ModbusSerialPort; submitted: Exchange[] } {
  const submitted: Exchange[] = [];
  const session = { submit: (exchange: Exchange) => void submitted.push(exchange) } as unknown as Session;
  return { port: new ModbusSerialPort(session, 'modbus-tcp gateway unit 17'), submitted };
}

const filed = (port: ModbusSerialPort): number =>
  Object.keys((port.client as unknown as { _transactions: object })._transactions).length;

describe('modbus-serial on our port', () => {
  it('hands over unit and PDU without CRC, and gives the answer to the request it belongs to', async () => {
    const { port, submitted } = portOnPaper();
    const ask = (address: number): Promise<{ data: number[] }> =>
      port.request(3, (client, next) => client.writeFC3(17, address, 1, next));
    const [first, second] = [ask(1), ask(2)];
    assert.deepEqual(
      submitted.map((one) => [one.unit, Buffer.from(one.pdu).toString('hex')]),
      [
        [17, '0300010001'],
        [17, '0300020001'],
      ],
    );
    submitted[1]!.answered(Buffer.from('1103020002', 'hex'));
    submitted[0]!.answered(Buffer.from('1103020001', 'hex'));
    assert.deepEqual([(await first).data, (await second).data], [[1], [2]]);
  });

  it('files no more requests in the library than are under way', async () => {
    const { port, submitted } = portOnPaper();
    for (let round = 0; round < 500; round += 1) {
      const answer = port.request(3, (client, next) => client.writeFC3(17, 0, 1, next));
      if (round % 2 === 0) submitted.at(-1)!.answered(Buffer.from('1103020002', 'hex'));
      else submitted.at(-1)!.failed(new TimeoutError('no-reply', 'nothing came'));
      await answer.catch(() => undefined);
    }
    assert.equal(filed(port), 1);
  });

  it('names the exception, and settles when the library makes nothing of an answer', async () => {
    const { port, submitted } = portOnPaper();
    const refused = port.request(6, (client, next) => client.writeFC6(17, 0, 1, next));
    submitted[0]!.answered(Buffer.from('118602', 'hex'));
    await assert.rejects(refused, /exception 02 \(illegal data address\) to write single register \(0x06\)/);
    const custom = port.request(99, (client, next) => client.writeCustomFC(17, 99, [], next));
    submitted[1]!.answered(Buffer.from('116301', 'hex')); // the library parses 65 to 72 and 100 to 110 only
    await assert.rejects(custom, /made nothing of 116301/);
  });
});
