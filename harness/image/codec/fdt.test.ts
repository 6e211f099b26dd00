import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { bytesSource, materialise } from '../byte-source.ts';
import { patched, PatchSet } from '../patch-set.ts';
import { cellOf, property, readFdt, stringsOf, subnode } from './fdt.ts';
import { cells, FdtEditor, strings } from './fdt-edit.ts';
import { findRegions } from './fdt-regions.ts';

// dtc 1.6.1 of: /memreserve/ 0x1000 0x200; / { a = "x"; sub { b = <1 2>; }; };
const tree = Buffer.from(
  'd00dfeed0000008c00000048000000880000002800000011000000100000000000000004000000400000000000001000' +
    '0000000000000200000000000000000000000000000000000000000100000000000000030000000200000000780000' +
    '000000000173756200000000030000000800000002000000010000000200000002000000020000000961006200',
  'hex',
);

const issuesOf = (bytes: Uint8Array): string[] => readFdt(bytesSource(bytes)).issues.map(({ code }) => code);
const with32 = (at: number, value: number): Buffer => {
  const bytes = Buffer.from(tree);
  bytes.writeUInt32BE(value, at);
  return bytes;
};

describe('flattened device trees', () => {
  it('are read with the offsets of everything', () => {
    const source = bytesSource(tree);
    const { roots, issues, reserveEnd, strings: names } = readFdt(source);
    assert.deepEqual(issues, []);
    assert.equal(reserveEnd, 0x28 + 32);
    assert.equal(String(names), 'a\0b\0');
    const [root] = roots;
    assert.deepEqual(stringsOf(source, property(root, 'a')), ['x']);
    const sub = subnode(root, 'sub');
    assert.equal(sub?.path, '/sub');
    assert.equal(sub.start, 0x48 + 8 + 16);
    const b = property(sub, 'b');
    assert.deepEqual([cellOf(source, b, 0), cellOf(source, b, 1), cellOf(source, b, 2)], [1, 2, undefined]);
    assert.equal(b?.end, sub.end - 4);
  });

  it('say what is wrong with them', () => {
    const cases: [name: string, bytes: Buffer, code: string][] = [
      ['empty', Buffer.alloc(0), 'truncated'],
      ['magic', with32(0, 1), 'fdt-magic'],
      ['cut', tree.subarray(0, 100), 'truncated'],
      ['total size', with32(4, 0xffff_ffff), 'fdt-block'],
      ['structure elsewhere', with32(8, 0x1000), 'fdt-block'],
      ['structure unaligned', with32(8, 0x4a), 'fdt-block'],
      ['strings over structure', with32(12, 0x50), 'fdt-overlap'],
      ['version', with32(20, 3), 'fdt-version'],
      ['structure too short', with32(36, 0x3c), 'fdt-structure'],
      ['strings too short', with32(32, 2), 'fdt-string'],
      ['a tag that is none', with32(0x50, 7), 'fdt-structure'],
      ['a property without end', with32(0x54, 0x7fff_ffff), 'fdt-structure'],
      ['a root with a name', with32(0x4c, 0x6e00_0000), 'fdt-root'],
    ];
    for (const [name, bytes, code] of cases) {
      assert.ok(issuesOf(bytes).includes(code), `${name}: ${issuesOf(bytes).join(' ')}`);
    }
  });

  it('bound depth and number of nodes', () => {
    const editor = new FdtEditor(bytesSource(tree), readFdt(bytesSource(tree)));
    const root = readFdt(bytesSource(tree)).roots[0];
    assert.ok(root);
    let inside = editor.node('n', []);
    for (let depth = 0; depth < 100; depth += 1) inside = editor.node('n', [], inside);
    editor.apply(editor.atEndOf(root, ...inside));
    const deep = patched(bytesSource(tree), new PatchSet(tree.length, editor.patches()));
    assert.deepEqual(
      readFdt(deep).issues.map(({ code }) => code),
      ['fdt-depth', 'fdt-structure'],
    );
    assert.ok(readFdt(bytesSource(tree), 3).issues.some(({ code }) => code === 'fdt-too-many'));
  });

  it('give the ranges of nodes, and of direct subnodes where they begin and end', () => {
    const parsed = readFdt(bytesSource(tree));
    const range = (nodes: string[], excluded: string[] = []): unknown =>
      findRegions(parsed, new Set(nodes), new Set(excluded));
    const end = 0x48 + 0x40;
    // All of it; without sub's property; without the root's property; the end alone.
    assert.deepEqual(range(['/', '/sub']), { ranges: [{ start: 0x48, end }] });
    assert.deepEqual(range(['/']), {
      ranges: [
        { start: 0x48, end: 0x68 },
        { start: 0x7c, end },
      ],
    });
    assert.deepEqual(range(['/', '/sub'], ['a']), {
      ranges: [
        { start: 0x48, end: 0x50 },
        { start: 0x60, end },
      ],
    });
    assert.deepEqual(range([]), { ranges: [{ start: end - 4, end }] });
  });

  it('take in an end tag that ends a range, as U-Boot does', () => {
    const parsed = readFdt(bytesSource(tree));
    // The end of the root, which is not asked for, closes the range of sub.
    assert.deepEqual(findRegions(parsed, new Set(['/sub']), new Set()), {
      ranges: [{ start: 0x60, end: 0x48 + 0x40 }],
    });
  });

  it('are edited with a header that fits', () => {
    const source = bytesSource(tree);
    const editor = new FdtEditor(source, readFdt(source));
    const root = readFdt(source).roots[0];
    const a = property(root, 'a');
    assert.ok(root !== undefined && a !== undefined);
    editor.apply(editor.withValue(a, strings('longer than before')), editor.withProp(root, 'new', cells(7)));
    editor.apply(editor.atEndOf(root, ...editor.node('more', [['b', cells(8)]])));
    const edited = patched(source, new PatchSet(source.size, editor.patches()));
    const read = readFdt(edited);
    assert.deepEqual(read.issues, []);
    assert.equal(read.header?.totalsize, edited.size);
    assert.deepEqual(stringsOf(edited, property(read.roots[0], 'a')), ['longer than before']);
    assert.equal(cellOf(edited, property(read.roots[0], 'new')), 7);
    assert.equal(cellOf(edited, property(subnode(read.roots[0], 'more'), 'b')), 8);
    assert.equal(edited.size - source.size, editor.growth);
  });

  it('are unchanged by no edit, and by one that writes what is there', () => {
    const source = bytesSource(tree);
    const editor = new FdtEditor(source, readFdt(source));
    assert.deepEqual(editor.patches(), []);
    const a = property(readFdt(source).roots[0], 'a');
    assert.ok(a);
    editor.apply(editor.withValue(a, strings('x')));
    assert.deepEqual(editor.patches(), []);
    const same = materialise(patched(source, new PatchSet(source.size, editor.patches())));
    assert.deepEqual(Buffer.from(same), tree);
  });
});
