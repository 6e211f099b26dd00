import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { bytesSource } from '../byte-source.ts';
import { counting } from '../test/contract.ts';
import {
  derBytes,
  derOid,
  derValue,
  encodeDer,
  encodeDerInteger,
  encodeDerOid,
  scanDer,
  scanDerElement,
  type DerNode,
} from './der.ts';

/** What an element is meant to be: a value, or elements inside. */
type Tree = { id: number; value: Uint8Array } | { id: number; inside: Tree[] };

const trees = fc.letrec<{ tree: Tree }>((tie) => ({
  tree: fc.oneof(
    { depthSize: 'small' },
    fc.record({
      id: fc.constantFrom(0x02, 0x04, 0x06, 0x80, 0x1f - 1),
      value: fc.uint8Array({ maxLength: 200 }),
    }),
    fc.record({
      id: fc.constantFrom(0x30, 0x31, 0xa0, 0x61),
      inside: fc.array(tie('tree'), { maxLength: 4 }),
    }),
  ),
})).tree;

function encode(tree: Tree): Buffer {
  return 'value' in tree ? encodeDer(tree.id, tree.value) : encodeDer(tree.id, ...tree.inside.map(encode));
}

function assertIs(bytes: Buffer, node: DerNode, tree: Tree): void {
  const source = bytesSource(bytes);
  assert.deepEqual(derBytes(source, node), encode(tree));
  if ('value' in tree) assert.deepEqual(derValue(source, node), Buffer.from(tree.value));
  else {
    assert.equal(node.children.length, tree.inside.length);
    node.children.forEach((child, index) => assertIs(bytes, child, tree.inside[index] ?? tree));
  }
}

/** Every element lies in its parent, behind the one before. */
function assertNested(nodes: readonly DerNode[], start: number, end: number): void {
  let at = start;
  for (const node of nodes) {
    assert.equal(node.start, at);
    assert.ok(node.valueStart <= node.end && node.end <= end, `${node.start}: ${node.end} of ${end}`);
    assertNested(node.children, node.valueStart, node.end);
    at = node.end;
  }
}

describe('DER scanner', () => {
  it('finds every element where it lies', () => {
    fc.assert(
      fc.property(fc.array(trees, { maxLength: 4 }), (forest) => {
        const bytes = Buffer.concat(forest.map(encode));
        const { nodes, issues, end } = scanDer(bytesSource(bytes));
        assert.deepEqual(issues, []);
        assert.equal(end, bytes.length);
        assert.equal(nodes.length, forest.length);
        nodes.forEach((node, index) => assertIs(bytes, node, forest[index] ?? { id: 0, inside: [] }));
      }),
    );
  });

  it('reads what node:crypto writes', () => {
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const source = bytesSource(publicKey.export({ type: 'spki', format: 'der' }));
    const spki = scanDerElement(source, 0);
    const [algorithm, key] = spki?.children ?? [];
    // id-ecPublicKey and prime256v1, RFC 5480 2.1.1.
    assert.deepEqual(
      algorithm?.children.map((child) => derOid(source, child)),
      ['1.2.840.10045.2.1', '1.2.840.10045.3.1.7'],
    );
    assert.equal(key?.tag, 3);
  });

  it('encodes identifiers and numbers as X.690 has them', () => {
    // X.690 8.19.5: {2 100 3} is 06 03 81 34 03.
    assert.equal(encodeDerOid('2.100.3').toString('hex'), '0603813403');
    for (const oid of ['1.2.840.113549.1.7.2', '2.16.840.1.101.3.4.2.1', '0.4.0', '2.999.1']) {
      const source = bytesSource(encodeDerOid(oid));
      assert.equal(derOid(source, scanDerElement(source, 0)), oid);
    }
    assert.equal(encodeDerInteger(127n).toString('hex'), '02017f');
    assert.equal(encodeDerInteger(128n).toString('hex'), '02020080');
    assert.equal(encodeDerInteger(0n).toString('hex'), '020100');
  });

  const odd: [name: string, hex: string, codes: string[]][] = [
    ['an indefinite length', '3080020101 0000', ['der-indefinite']],
    ['an indefinite length that never ends', '3080020101', ['der-indefinite', 'der-length']],
    ['a length in more bytes than it needs', '30810302 0101', ['der-long-length']],
    ['a leading zero in a length', '3082000302 0101', ['der-long-length']],
    ['more than there is', '30850000ffff', ['der-length']],
    ['a length beyond every file', '3088ffffffffffffffff', ['der-length']],
    ['an element that leaves its parent', '3003 0210 01', ['der-length']],
    ['a tag without end', 'bfffffffffff', ['der-tag']],
  ];
  for (const [name, hex, codes] of odd) {
    it(`tells of ${name}`, () => {
      const { issues } = scanDer(bytesSource(Buffer.from(hex.replaceAll(' ', ''), 'hex')));
      assert.deepEqual(
        issues.map(({ code }) => code),
        codes,
      );
    });
  }

  it('meets any bytes with nested elements and a bounded effort', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), fc.integer({ min: 1, max: 20 }), (bytes, depth) => {
        const source = counting(bytes);
        const { nodes } = scanDer(source, {}, { depth, nodes: 100 });
        assertNested(nodes, 0, bytes.length);
        assert.ok(source.reads <= 102);
      }),
    );
    const deep = Buffer.alloc(60_000, Buffer.of(0x30, 0x80));
    const scan = scanDer(bytesSource(deep));
    assertNested(scan.nodes, 0, deep.length);
    assert.ok(scan.issues.some(({ code }) => code === 'der-depth'));
    const wide = scanDer(bytesSource(Buffer.alloc(100_000, Buffer.of(5, 0))));
    assert.ok(wide.issues.some(({ code }) => code === 'der-too-many'));
  });
});
