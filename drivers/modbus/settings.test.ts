import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { z } from 'zod';
import { frameGapMs, resolved, settings, spec } from './settings.ts';

const complaints = (given: object): string[] =>
  (settings.safeParse(given).error?.issues ?? []).map((issue) => `${issue.path.join('.')}: ${issue.message}`);

describe('modbus settings', () => {
  it('takes each mode with its own keys', () => {
    assert.deepEqual(complaints({ mode: 'tcp', host: 'gw', unit: 17, inFlight: 4 }), []);
    assert.deepEqual(
      complaints({ mode: 'rtu', path: '/dev/ttyUSB0', unit: 1, parity: 'none', stopBits: 2 }),
      [],
    );
    assert.deepEqual(complaints({ mode: 'rtu-over-tcp', host: 'gw', port: 4001, unit: 1 }), []);
  });

  it('says which key is missing, unknown, or of another mode', () => {
    assert.deepEqual(complaints({ mode: 'tcp', unit: 17 }), ['host: host is missing: mode tcp needs it']);
    assert.match(
      complaints({ mode: 'rtu', path: 'x', host: 'y', unit: 1 }).join(),
      /host has no meaning in mode rtu/,
    );
    assert.match(complaints({ mode: 'tcp', host: 'y', unit: 1, baudrate: 9600 }).join(), /baudrate/);
    assert.match(complaints({ mode: 'rtu', path: 'x', unit: 248 }).join(), /it must be 1 to 247/);
  });

  it('describes every key, and exports as JSON Schema', () => {
    const schema = z.toJSONSchema(spec.settings, { io: 'input' }) as { properties: Record<string, object> };
    for (const [key, property] of Object.entries(schema.properties))
      assert.ok('description' in property, key);
    for (const adapter of spec.adapters)
      assert.ok(z.toJSONSchema(adapter.settings, { io: 'input' }), adapter.name);
  });

  it('derives t3.5 as the standard has it', () => {
    assert.equal(frameGapMs(115_200), 1.75);
    assert.equal(Math.round(frameGapMs(19_200) * 1000), 2005);
    assert.equal(Math.round(frameGapMs(9600) * 1000), 4010);
  });

  it('fills in what depends on the mode', () => {
    const rtu = resolved(settings.parse({ mode: 'rtu', path: '/dev/x', unit: 1 }));
    assert.deepEqual(
      [rtu.baudRate, rtu.parity, rtu.stopBits, rtu.quietMs, rtu.inFlight],
      [19_200, 'even', 1, 1000, 1],
    );
    const tcp = resolved(settings.parse({ mode: 'tcp', host: 'gw', unit: 1 }));
    assert.deepEqual([tcp.port, tcp.quietMs, tcp.inFlight, tcp.frameGapMs], [502, 0, 1, 0]);
  });
});
