import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { BoardFile, Declaration } from '../board/index.ts';
import { missingNeeds } from './needs.ts';

describe('the key of command messages', () => {
  const board = { profile: {}, images: {}, keys: {} } as unknown as BoardFile;
  const missing = (commands?: Pick<NonNullable<Declaration['commands']>, 'mechanism'>): string[] =>
    missingNeeds(['key:commands'], board, commands && { commands: commands as Declaration['commands'] }).map(
      ({ need }) => need,
    );

  it('is needed where messages are authenticated, and where nothing is declared', () => {
    assert.deepEqual(missing({ mechanism: 'authenticated-messages' }), ['key:commands']);
    assert.deepEqual(missing(), ['key:commands']);
  });

  it('is not missed where commands are declared unprotected, or off', () => {
    assert.deepEqual(missing({ mechanism: 'none' }), []);
    assert.deepEqual(missing({ mechanism: 'service-off' }), []);
  });
});
