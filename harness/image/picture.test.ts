import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { ImageFacts } from './format.ts';
import type { Coverage, Issue, ParsedImage, Region } from './image.ts';
import { layoutSvg } from './picture.ts';
import { rowsOf } from './picture/rows.ts';
import { hexOffset, shortened, sizeText, wrapped } from './picture/svg.ts';

const noFacts: ImageFacts = { hardware: [], algorithms: [], signers: [], digests: [], other: [] };
const coverages: readonly Coverage[] = ['signed', 'unsigned', 'signature', 'trailing'];

function imageOf(
  parts: readonly (readonly [name: string, bytes: number])[],
  issues: Issue[] = [],
): ParsedImage {
  const regions: Region[] = [];
  let at = 0;
  for (const [index, [name, bytes]] of parts.entries()) {
    regions.push({ name, start: at, end: at + bytes, coverage: coverages[index % 4] ?? 'signed' });
    at += bytes;
  }
  return { format: 'toy', size: at, regions, issues };
}

function many(count: number): ParsedImage {
  return imageOf(
    Array.from({ length: count }, (_, i) => [`images.kernel-${i >> 3}.part-${i % 8}`, 1 + (i % 50)] as const),
  );
}

/** Enough of XML to see that a file is well-formed: tags nest, attributes are quoted, nothing is left unescaped. */
function assertWellFormed(xml: string): void {
  const open: string[] = [];
  const token = /<(\/?)([A-Za-z][\w-]*)((?: [\w:-]+="[^"<]*")*)(\/?)>|([^<]+)/y;
  for (token.lastIndex = 0; token.lastIndex < xml.length;) {
    const at = token.lastIndex;
    const match = token.exec(xml);
    assert.ok(match, `not well-formed at ${at}: ${xml.slice(at, at + 80)}`);
    const [, closing, name = '', attributes = '', empty, text = ''] = match;
    assert.doesNotMatch(attributes + text, /&(?!(amp|lt|gt|quot|#39);)/);
    assert.doesNotMatch(text, /[\u0000-\u0008\u000b\u000c\u000e-\u001f]/);
    if (name === '') continue;
    const names = [...attributes.matchAll(/ ([\w:-]+)=/g)].map(([, key]) => key);
    assert.equal(new Set(names).size, names.length, `an attribute twice: ${attributes}`);
    if (closing === '/') assert.equal(open.pop(), name);
    else if (empty !== '/') open.push(name);
  }
  assert.deepEqual(open, []);
}

function drawn(image: ParsedImage, more: Partial<Parameters<typeof layoutSvg>[0]> = {}): string {
  const svg = layoutSvg({ title: 'golden.bin', image, facts: noFacts, ...more });
  assertWellFormed(svg);
  assert.doesNotMatch(svg, /NaN|Infinity|undefined|<script|href=|@import|url\((?!#fp-)/);
  return svg;
}

describe('the picture of an image', () => {
  it('names every region, its offset and its size', () => {
    const image = imageOf([
      ['header.magic', 4],
      ['header.size', 4],
      ['payload', 70_000],
      ['signature', 256],
    ]);
    const svg = drawn(image);
    for (const { name, start, end } of image.regions) {
      assert.ok(
        svg.includes(`${name}: ${hexOffset(start, image.size)} to ${hexOffset(end, image.size)}`),
        name,
      );
    }
    assert.match(svg, />68\.4 KiB</);
    assert.match(svg, />header<\/text>.*2 regions, 8 B/);
    for (const coverage of coverages)
      assert.match(svg, new RegExp(`class="fp-in fp-on-${coverage}">${coverage}<`));
  });

  it('says in words what it shows', () => {
    const svg = drawn(many(20), { verdict: { accepted: false, reason: 'digest', detail: 'is another' } });
    assert.match(
      svg,
      /^<svg [^>]*role="img"[^>]*><title>Layout of golden\.bin<\/title><desc>toy image of 210 B in 20 regions/,
    );
    assert.match(svg, /<desc>[^<]*refuses it: digest\.<\/desc>/);
    assert.match(svg, /Refused by the reference verifier: digest\. is another/);
  });

  it('shows what the image says of itself', () => {
    const facts: ImageFacts = {
      version: '1.2.3+4',
      counter: 12345678901234567890n,
      hardware: [{ name: 'board', value: 'imx8' }],
      algorithms: ['ECDSA P-256', 'SHA-256'],
      signers: [{ name: 'key hash', value: 'ab'.repeat(32) }],
      digests: ['cd'.repeat(64)],
      other: Array.from({ length: 500 }, (_, i) => ({ name: `fact ${i}`, value: 'x'.repeat(1000) })),
    };
    const svg = drawn(many(3), { facts, verdict: { accepted: true } });
    for (const text of [
      '1.2.3+4',
      '12345678901234567890',
      'imx8',
      'ECDSA P-256, SHA-256',
      'ab'.repeat(32),
      'Accepted',
    ]) {
      assert.ok(svg.includes(text), text);
    }
    assert.ok(svg.length < 20_000, `${svg.length} characters`);
  });

  it('escapes whatever the image brings', () => {
    const hostile = `</text><script>alert('1')</script>&amp;"\u0000\u001b[2J\u202Egnp.\uD800`;
    const image = imageOf(
      [
        [hostile, 5],
        [`${hostile}.a`, 3],
        [`${hostile}.b`, 3],
      ],
      [{ code: hostile, at: 2, message: hostile }],
    );
    const fact = { name: hostile, value: hostile };
    const facts = {
      version: hostile,
      hardware: [fact],
      algorithms: [hostile],
      signers: [fact],
      digests: [hostile],
      other: [fact],
    };
    const svg = drawn(
      { ...image, format: hostile },
      {
        title: hostile,
        facts,
        verdict: { accepted: false, reason: hostile, detail: hostile },
      },
    );
    assert.doesNotMatch(svg, /[\u202E\uD800]/);
    assert.match(svg, /&lt;\/text&gt;&lt;script&gt;/);
  });

  it('marks issues where they are, and lists them', () => {
    const issues = [
      { code: 'magic', at: 0, message: 'the magic is another' },
      { code: 'truncated', at: 99_999, message: 'behind the end' },
    ];
    const svg = drawn(
      imageOf(
        [
          ['header', 32],
          ['payload', 1000],
        ],
        issues,
      ),
    );
    assert.match(svg, /<title>magic: the magic is another<\/title>/);
    assert.match(svg, /2 ISSUES.*>0x0000<.*>magic<.*the magic is another.*>truncated<.*behind the end/);
  });

  it('marks where the scale is broken', () => {
    assert.match(
      drawn(
        imageOf([
          ['header', 32],
          ['payload', 1_000_000],
        ]),
      ),
      /fp-break-line/,
    );
    const even = imageOf(Array.from({ length: 10 }, (_, i) => [`part-${i}`, 100] as const));
    assert.doesNotMatch(drawn(even), /class="fp-break-line"/);
  });

  it('draws an empty file, a region of nothing but its name, and an image beyond 4 GiB', () => {
    assert.match(
      drawn({ format: 'toy', size: 0, regions: [], issues: [{ code: 'empty', at: 0, message: 'no bytes' }] }),
      /The file is empty/,
    );
    drawn(imageOf([['one', 1]]));
    assert.match(
      drawn(
        imageOf([
          ['header', 512],
          ['payload', 6 * 2 ** 30],
        ]),
      ),
      />6\.0 GiB<.*0x180000200/,
    );
  });

  for (const count of [100, 10_000]) {
    it(`stays small with ${count} regions, and has each in a group`, () => {
      const image = many(count);
      const issues = image.regions.map(({ start, name }) => ({ code: 'odd', at: start, message: name }));
      const svg = drawn({ ...image, issues });
      assert.ok(svg.length < 60_000, `${svg.length} characters`);
      assert.match(svg, new RegExp(`and ${count - 24} more`));
      const names = [...svg.matchAll(/<text x="470" y="[\d.]+" class="fp-name">(.*?)<\/text>/g)];
      const counts = names.reduce((sum, [, name = '']) => sum + Number(/ × (\d+)</.exec(name)?.[1] ?? 1), 0);
      assert.equal(counts, count);
    });
  }
});

describe('rows of a picture', () => {
  it('cover the file without gap, whatever the names', () => {
    const shapes = [
      many(1000),
      imageOf(Array.from({ length: 300 }, (_, i) => [`name-${i}`, 2] as const)),
      imageOf(Array.from({ length: 300 }, (_, i) => [i % 2 === 0 ? `a.b#${i}` : `c.d.e#${i}`, 2] as const)),
      imageOf(
        [...Array(100).keys()].flatMap(
          (i) =>
            [
              [`file#${i}.header`, 110],
              [`file#${i}.data`, 900 * i + 1],
            ] as const,
        ),
      ),
      imageOf([
        ['header.a', 1],
        ['header.b', 1],
        ...[...Array(90).keys()].map((i) => [`list.${i}`, 3] as const),
        ['end', 1],
      ]),
    ];
    for (const { regions, size } of shapes) {
      const rows = rowsOf(regions, 44);
      assert.ok(rows.length <= 44 && rows.length > 10, `${rows.length} rows`);
      let at = 0;
      for (const { start, end, shares } of rows) {
        assert.equal(start, at);
        assert.equal(
          shares.reduce((sum, { bytes }) => sum + bytes, 0),
          end - start,
        );
        at = end;
      }
      assert.equal(at, size);
      assert.equal(
        rows.reduce((sum, { count }) => sum + count, 0),
        regions.length,
      );
    }
  });

  it('group the paths of a device tree', () => {
    const nodes = [...Array(60).keys()].flatMap((i) => [
      `/images/kernel-${i}.begin`,
      `/images/kernel-${i}.data`,
    ]);
    const image = imageOf([['/.begin', 4], ...nodes.map((name) => [name, 4] as const), ['/.end', 4]]);
    const labels = rowsOf(image.regions, 64).map(({ label, count }) => `${label} ${count}`);
    assert.deepEqual(
      [labels.length, labels[0], labels[1], labels.at(-1)],
      [64, '/.begin 1', '/images/kernel-0 2', '/.end 1'],
    );
    assert.match(rowsOf(image.regions, 40)[1]?.label ?? '', /^\/images\/kernel-0 … kernel-\d+$/);
  });

  it('fold the deepest names first, and only as many as needed', () => {
    const image = imageOf([
      ['header.a', 1],
      ['header.b', 1],
      ['list.one.x', 3],
      ['list.one.y', 3],
      ['list.one.z', 3],
      ['end', 1],
    ]);
    assert.deepEqual(
      rowsOf(image.regions, 4).map(({ label, count }) => `${label} ${count}`),
      ['header.a 1', 'header.b 1', 'list.one 3', 'end 1'],
    );
  });
});

describe('text of a picture', () => {
  it('is cut in the middle, and broken between words', () => {
    assert.equal(shortened('abcdefghij', 10), 'abcdefghij');
    assert.equal(shortened('abcdefghijk', 10), 'abcdef…ijk');
    assert.equal([...shortened('🙂'.repeat(1000), 10)].length, 10);
    assert.deepEqual(wrapped('one two three', 8, 3), ['one two', 'three']);
    assert.deepEqual(wrapped('x'.repeat(30), 10, 2), ['x'.repeat(10), `${'x'.repeat(9)}…`]);
  });

  it('gives sizes in units that can be read', () => {
    assert.deepEqual([0, 9999, 10_240, 5 * 2 ** 20].map(sizeText), ['0 B', '9999 B', '10.0 KiB', '5.0 MiB']);
  });
});
