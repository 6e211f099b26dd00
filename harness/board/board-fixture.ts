/** A small board with drivers of its own, in a temporary folder: for tests. */

import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import type { AdapterRole, AdapterSpec, DriverSpec } from '../driver.ts';

const adapter = (name: string, role: AdapterRole, shape: z.ZodRawShape = {}): AdapterSpec => ({
  name,
  role,
  summary: `${name}, for tests`,
  settings: z.strictObject(shape),
});

const port = z.number().int().min(1).max(65_535);

/** Four kinds of driver, as different as the loader must tell apart. */
export const testSpecs: readonly DriverSpec[] = [
  {
    kind: 'bench-power',
    summary: 'switches the supply',
    settings: z.strictObject({ device: z.string(), openedForTest: z.boolean().default(false) }),
    provides: ['console', 'modbusPort'],
    offers: ['power'],
    adapters: [],
  },
  {
    kind: 'serial',
    summary: 'a serial line',
    settings: z.strictObject({
      path: z.string().describe('Device file of the port'),
      baudRate: z.number().int().positive(),
      replyWithinMs: z.number().int().positive().default(1000),
      lineEnding: z.enum(['lf', 'cr', 'crlf']).default('lf'),
      password: z.string().min(6).optional(),
    }),
    offers: ['console'],
    adapters: [
      adapter('console-pattern', 'value', { send: z.string(), pattern: z.string() }),
      adapter('console-command', 'action', { send: z.string(), replyWithinMs: z.number().int().optional() }),
      adapter('console-alarm', 'alarm'),
      adapter('console-identity', 'identity', { send: z.string() }),
      adapter('ymodem', 'ingress', { start: z.string() }),
      adapter('console-log', 'audit'),
    ],
  },
  {
    kind: 'tcp-tap',
    summary: 'a recording man in the middle',
    settings: z.strictObject({ targetHost: z.string(), targetPort: port }),
    provides: ['host', 'port'],
    offers: ['tap'],
    adapters: [],
  },
  {
    kind: 'modbus',
    summary: 'Modbus',
    settings: z.strictObject({
      host: z.string(),
      port,
      unit: z.number().int().min(0).max(247),
      replyWithinMs: z.number().int().positive().default(500),
      via: z.string().optional(),
    }),
    dependencies: ['via'],
    offers: ['registers', 'attacks'],
    adapters: [
      adapter('modbus-register', 'value', { address: z.number().int(), type: z.enum(['u16', 'u32']) }),
      adapter('modbus-message', 'messages', { address: z.number().int() }),
      adapter('modbus-alarm', 'alarm', { address: z.number().int(), everyMs: z.number().int() }),
    ],
  },
];

export const goldenBytes = Buffer.from('golden image');
export const goldenSha256 = createHash('sha256').update(goldenBytes).digest('hex');

export const boardText = `board: test-gateway
title: A gateway for tests
declaration: declaration.yaml
wires:
  modbus: { driver: modbus, host: !from tap.host, port: !from tap.port, unit: 17 }
  power: { driver: bench-power, device: test }
  console:
    driver: serial
    path: !from power.console
    baudRate: 115200
    password: !secret console.password
  tap: { driver: tcp-tap, targetHost: 127.0.0.1, targetPort: !from power.modbusPort }
profile:
  ready: { adapter: console-pattern, wire: console, send: status, pattern: '^version=(?<value>\\S+)$' }
  bootsWithinMs: 5000
  identity: { adapter: console-identity, wire: console, send: id }
  power: power
  firmware:
    version: { adapter: console-pattern, wire: console, send: status, pattern: 'version=(?<value>\\S+)' }
    securityCounter: { adapter: modbus-register, wire: modbus, address: 5, type: u32 }
    ingresses:
      ymodem:
        adapter: ymodem
        wire: console
        start: update ymodem
        activate: { adapter: console-command, wire: console, send: update activate }
    confirm: { adapter: console-command, wire: console, send: update confirm }
  process:
    read: { adapter: modbus-register, wire: modbus, address: 24, type: u32 }
    unit: bar
    changesWithinMs: 500
  alarms:
    console: { adapter: console-alarm, wire: console }
    modbus: { adapter: modbus-alarm, wire: modbus, address: 28, everyMs: 50 }
  tamper:
    kinds:
      memory: { adapter: console-command, wire: console, send: tamper memory }
  commands:
    messages: { adapter: modbus-message, wire: modbus, address: 100 }
    effect: { adapter: modbus-register, wire: modbus, address: 0, type: u16 }
    tap: tap
  audit: { adapter: console-log, wire: console }
  linkAttacks: [modbus]
images:
  golden: { file: golden.bin, sha256: ${goldenSha256} }
keys:
  commands: !secret commands.key
allow: [power-cut-during-update]
safeState: { power: off }
`;

export const declarationText = `declaration: 1
device: { vendor: Test, model: SG-1, serial: "000042", firmware: 1.2.0+0 }
ingresses:
  ymodem: { refusesAt: [transfer, verify], answersWithinMs: 3000 }
update:
  format: mcuboot
  bootsWithinMs: 5000
  confirmation: required
  unconfirmedReverts: true
  equalCounter: accept
  appendedData: ignore
  raisesFloorAt: confirm
controls: { way: reinstall, left: 200 }
integrity:
  detectionMs: 1000
  coverage: [code, memory, monitor]
  alarmWires: [console, modbus]
  soakMs: 5000
  atRest: not-booted
commands:
  mechanism: authenticated-messages
  layout:
    byteOrder: big
    fields:
      - { name: counter, type: u32 }
      - { name: timestamp, type: u64 }
      - { name: code, type: u16 }
      - { name: value, type: i16 }
    mac: { algorithm: hmac-sha256, bytes: 16 }
  window: { olderMs: 2000, newerMs: 500 }
  counter: { maximumGap: 1000, survivesPowerLoss: true }
  actions: { set: 1, add: 2 }
replay:
  modbus: { mechanism: sequence-numbers, reaction: closes, answersWithinMs: 1000 }
audit:
  withinMs: 2000
  updateRefused: { event: update-refused }
processDuringUpdate: continues
notApplicable:
  - { requirement: FP-REP-5, reason: The device has no publish and subscribe., agreedBy: A. Tester }
`;

export interface TestFolder {
  directory: string;
  board: string;
  declaration: string;
  write(name: string, content: string | Uint8Array): string;
  remove(): void;
}

/** All files of the test board; the texts may be changed first. */
export function testFolder(board = boardText, declaration = declarationText): TestFolder {
  const directory = mkdtempSync(path.join(os.tmpdir(), 'fieldproof-board-'));
  const write = (name: string, content: string | Uint8Array): string => {
    const file = path.join(directory, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, content);
    chmodSync(file, 0o600);
    return file;
  };
  write('golden.bin', goldenBytes);
  write('console.password', 'hunter2-test\n');
  write('commands.key', Uint8Array.from([0x00, 0xff, 0x0a, 0x41, 0x0a]));
  return {
    directory,
    board: write('board.yaml', board),
    declaration: write('declaration.yaml', declaration),
    write,
    remove: () => rmSync(directory, { recursive: true }),
  };
}
