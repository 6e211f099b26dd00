import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { scanDescription, settingOf, textOf, type DescriptionValue } from './description.ts';

function plain(value: DescriptionValue | undefined): unknown {
  if (value?.kind === 'list') return value.items.map(plain);
  if (value?.kind === 'group')
    return Object.fromEntries(value.settings.map((setting) => [setting.key, plain(setting.value)]));
  return textOf(value);
}

function read(text: string): unknown {
  const { settings, issues } = scanDescription(Buffer.from(text));
  assert.deepEqual(issues, []);
  return Object.fromEntries(settings.map((setting) => [setting.key, plain(setting.value)]));
}

describe('sw-description', () => {
  it('is read as libconfig, with its comments and its strings in pieces', () => {
    const text = `
      # one kind of comment
      software =
      {
        version = "1.0" ".2"; // another
        bool: true
        hardware-compatibility: [ "1.0", "#RE:^1\\\\.[0-9]$" ]; /* a third */
        size = 0x10L;
        images: ( { filename = "a;b"; sha256 = "ab"; }, { } );
      };`;
    assert.deepEqual(read(text), {
      software: {
        version: '1.0.2',
        bool: 'true',
        'hardware-compatibility': ['1.0', '#RE:^1\\.[0-9]$'],
        size: '0x10L',
        images: [{ filename: 'a;b', sha256: 'ab' }, {}],
      },
    });
  });

  it('is read as JSON', () => {
    const value = { software: { version: '1', images: [{ filename: 'a', sha256: 'b' }], n: '-1.5' } };
    assert.deepEqual(read(JSON.stringify(value, null, 2)), value);
  });

  it('gives the place of every value', () => {
    const text = 'software = { version = "1.0" "2"; };';
    const software = settingOf(scanDescription(Buffer.from(text)).settings, 'software');
    assert.equal(software?.kind, 'group');
    const value = settingOf(software.kind === 'group' ? software.settings : [], 'version');
    assert.equal(text.slice(value?.start, value?.end), '"1.0" "2"');
    assert.equal(text.slice(software?.start, software?.end), '{ version = "1.0" "2"; }');
  });

  it('says once where it cannot go on', () => {
    for (const text of [
      'a',
      'a =',
      'a = {',
      'a = (1',
      'a = "x',
      '@include "b"',
      'a = 1; }',
      '= 1',
      '[',
      'a = [ ; ]',
    ]) {
      const { issues } = scanDescription(Buffer.from(text));
      assert.deepEqual(
        issues.map(({ code }) => code),
        ['description'],
        text,
      );
    }
    assert.equal(scanDescription(Buffer.from('a = ' + '('.repeat(100_000))).issues.length, 1);
    assert.equal(scanDescription(Buffer.from('a = [' + '1,'.repeat(100_000))).issues.length, 1);
  });
});
