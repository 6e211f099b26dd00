/** Writes device trees for tests, and notes which bytes a signature over some nodes would cover. */

export interface TreeNode {
  name: string;
  props: [name: string, value: Uint8Array][];
  children: TreeNode[];
}

export function node(
  name: string,
  props: [name: string, value: Uint8Array][],
  children: TreeNode[] = [],
): TreeNode {
  return { name, props, children };
}

export function text(...values: string[]): Buffer {
  return Buffer.concat(values.map((value) => Buffer.from(`${value}\0`)));
}

export function u32(...values: number[]): Buffer {
  return Buffer.concat(
    values.map((value) => {
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32BE(value);
      return bytes;
    }),
  );
}

function padded(bytes: Uint8Array): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);
}

/** Property names in the order of their first use; names that are there already keep their place. */
export class Names {
  bytes = Buffer.alloc(0);

  at(name: string): number {
    let at = 0;
    for (const known of this.bytes.toString().split('\0').slice(0, -1)) {
      if (known === name) return at;
      at += known.length + 1;
    }
    this.bytes = Buffer.concat([this.bytes, text(name)]);
    return at;
  }
}

export interface Written {
  structure: Buffer;
  /** What a signature over the chosen nodes covers of the structure. */
  signed: Buffer;
}

/** @param chosen nodes that are signed; those inside them only as far as they begin and end */
export function writeStructure(
  root: TreeNode,
  names: Names,
  chosen: ReadonlySet<TreeNode> = new Set(),
): Written {
  const structure: Buffer[] = [];
  const signed: Buffer[] = [];
  const put = (bytes: Buffer, covered: boolean): void => {
    structure.push(bytes);
    if (covered) signed.push(bytes);
  };
  const write = (current: TreeNode, parentChosen: boolean): void => {
    const own = chosen.has(current);
    put(Buffer.concat([u32(1), padded(text(current.name))]), own || parentChosen);
    for (const [name, value] of current.props) {
      const isData = ['data', 'data-size', 'data-offset', 'data-position'].includes(name);
      put(Buffer.concat([u32(3, value.length, names.at(name)), padded(value)]), own && !isData);
    }
    for (const child of current.children) write(child, own);
    put(u32(2), own || parentChosen);
  };
  write(root, false);
  put(u32(9), true);
  return { structure: Buffer.concat(structure), signed: Buffer.concat(signed) };
}

/** Header, an empty reservation, structure, names, and so many bytes of free room. */
export function writeTree(structure: Buffer, names: Names, freeBytes = 0): Buffer {
  const structureAt = 40 + 16;
  const namesAt = structureAt + structure.length;
  const size = namesAt + names.bytes.length + freeBytes;
  const header = u32(
    0xd00dfeed,
    size,
    structureAt,
    namesAt,
    40,
    17,
    16,
    0,
    names.bytes.length,
    structure.length,
  );
  return Buffer.concat([header, Buffer.alloc(16), structure, names.bytes, Buffer.alloc(freeBytes)]);
}
