import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { parse } from 'yaml';
import { z } from 'zod';
import { boardText, declarationText, testSpecs } from './board-fixture.ts';
import { boardJsonSchema, declarationJsonSchema, type JsonSchema } from './json-schema.ts';

/** As an editor sees the file: tags are texts. */
const asEditor = (text: string): unknown => parse(text, { logLevel: 'silent' });

/** Validates with a JSON Schema: zod's own reader of such schemas, another way through its code than the writer. */
const accepts = (schema: JsonSchema, value: unknown): boolean =>
  z.fromJSONSchema(schema).safeParse(value).success;

/** Descriptions are missing at these paths: every key that a person can write is explained. */
function undescribed(node: unknown, path: string): string[] {
  if (node === null || typeof node !== 'object') return [];
  const { properties } = node as { properties?: Record<string, JsonSchema> };
  const here = Object.entries(properties ?? {})
    .filter(([, property]) => property['description'] === undefined)
    .map(([key]) => `${path}.${key}`);
  return [...here, ...Object.entries(node).flatMap(([key, item]) => undescribed(item, `${path}/${key}`))];
}

describe('JSON Schemas for editors', () => {
  const board = boardJsonSchema(testSpecs);

  it('accept the files that the loader accepts', () => {
    assert.ok(accepts(board, asEditor(boardText)));
    assert.ok(accepts(declarationJsonSchema(), asEditor(declarationText)));
  });

  it('know each driver’s and each adapter’s own settings', () => {
    const refuses = (from: string, to: string): void => {
      assert.ok(boardText.includes(from));
      assert.ok(!accepts(board, asEditor(boardText.replace(from, () => to))), `${to} is accepted`);
    };
    refuses('baudRate: 115200', 'baudrate: 115200');
    refuses('driver: tcp-tap', 'driver: modbus');
    refuses('unit: 17', 'unit: seventeen');
    refuses('type: u16', 'type: u17');
    refuses('adapter: console-log', 'adapter: console-alarm');
    refuses('send: update activate', 'sned: update activate');
    refuses('title:', 'titel:');
  });

  it('let a reference or a variable stand for any setting', () => {
    assert.ok(accepts(board, asEditor(boardText.replace('unit: 17', "unit: '${UNIT:-17}'"))));
    assert.ok(accepts(board, asEditor(boardText.replace('unit: 17', 'unit: !from power.unit'))));
  });

  it('explain every key', () => {
    assert.deepEqual(undescribed(declarationJsonSchema(), ''), []);
    const own = undescribed(board, '').filter((path) => !/anyOf|oneOf/.test(path)); // drivers describe their own
    assert.deepEqual(own, []);
  });

  it('stay readable: one adapter is described once', () => {
    const bytes = JSON.stringify(board).length;
    assert.ok(bytes < 120_000, `${bytes} bytes`);
  });
});
