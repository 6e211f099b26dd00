import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { BoardFile, Declaration } from '../board/index.ts';
import type { Catalogue } from '../catalogue/index.ts';
import type { Need } from '../lifecycle/needs.ts';
import { headingOf, shoppingList, sources } from './shopping-list.ts';

const catalogue = {
  case: (id: string) => ({ id, requirements: [id.startsWith('SIG') ? 'FP-SIG-7' : 'FP-RB-1'] }),
  requirement: (id: string) => ({ id, kind: id === 'FP-SIG-7' ? 'conditional' : 'mandatory' }),
} as unknown as Catalogue;
const board = { profile: {}, images: {}, keys: {}, allow: [] } as unknown as BoardFile;
const waiving = (...requirements: string[]) =>
  ({
    notApplicable: requirements.map((requirement) => ({ requirement, reason: 'so', agreedBy: 'us' })),
  }) as unknown as Declaration;
const one = (id: string, needs: Need[], mayHarm?: string) => ({
  id,
  title: id,
  plan: { needs, ...(mayHarm === undefined ? {} : { mayHarm }) },
});
const cases = [
  one('RB-07', ['factory-reset', 'image:older'], 'power-cut-during-update'),
  one('RB-01', ['image:older', 'firmware']),
  one('SIG-09', ['test-authority', 'image:expired']),
];
const list = (declaration = waiving()) => shoppingList({ board, declaration, catalogue }, cases);

describe('The shopping list', () => {
  it('has each thing once, grouped by whom to ask, with the cases that wait for it', () => {
    assert.deepEqual(
      list().map(({ from, name, cases: waiting }) => `${from}: ${name} for ${waiting.join(' ')}`),
      [
        'images: image older for RB-07 RB-01',
        'images: image expired for SIG-09',
        'keys: test authority for SIG-09',
        'capabilities: input for RB-07',
        'capabilities: input for RB-01',
        'permissions: permission for RB-07',
      ],
    );
    const device = { vendor: 'Example Works', model: 'GW' };
    for (const from of sources) assert.match(headingOf(from, device), /^\w.*:$/);
  });

  it('says what an image must be, and gives the lines to paste', () => {
    const [older] = list();
    assert.equal(older?.what, 'Genuine and older than golden, with a lower security counter');
    assert.deepEqual(older.paste, ['  older:', '    file: images/older.bin', '    sha256: DIGEST']);
    assert.match(older.next, /sha256sum images\/older\.bin/);
  });

  it('asks for nothing that the declaration waives', () => {
    assert.doesNotMatch(JSON.stringify(list(waiving('FP-SIG-7'))), /SIG-09|authority|expired/);
    assert.match(JSON.stringify(list(waiving('FP-RB-1'))), /RB-01/, 'a mandatory requirement is not waived');
  });
});
