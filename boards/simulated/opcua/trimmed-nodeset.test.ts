import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describe, it } from 'mocha';
import type * as Nodesets from 'node-opcua-nodesets';
import { readDocument, trim } from './trimmed-nodeset.ts';

const { nodesetImages } = createRequire(import.meta.url)('node-opcua-nodesets') as typeof Nodesets;
const standard = readDocument(readFileSync(nodesetImages.standard));
const devices = readDocument(readFileSync(nodesetImages.di));
const [standardLess, devicesLess] = trim(standard, devices);

describe('the trimmed nodesets', () => {
  const kept = new Set(
    [...standardLess.nodes, ...devicesLess.nodes].map((node) => JSON.stringify(node.nodeId)),
  );
  const all = new Set([...standard.nodes, ...devices.nodes].map((node) => JSON.stringify(node.nodeId)));

  it('are a good deal smaller, and count their nodes in the trailer', () => {
    assert.ok(all.size > 5_000, `${all.size} nodes in all`);
    assert.ok(kept.size < 2_000, `${kept.size} nodes kept`);
    assert.equal(standardLess.trailer['nodes'], standardLess.nodes.length);
    assert.equal(devicesLess.trailer['nodes'], devicesLess.nodes.length);
  });

  it('refer to nothing that is missing', () => {
    for (const node of [...standardLess.nodes, ...devicesLess.nodes]) {
      for (const [, type, target] of node.references) {
        assert.ok(
          kept.has(JSON.stringify(type)) && kept.has(JSON.stringify(target)),
          JSON.stringify(node.nodeId),
        );
      }
      const dataType = node.dataType ?? null;
      if (dataType !== null) assert.ok(kept.has(JSON.stringify(dataType)), JSON.stringify(node.nodeId));
    }
  });

  it('keep the type definition of every object and variable', () => {
    const typeDefinition = 40;
    for (const node of [...standardLess.nodes, ...devicesLess.nodes]) {
      if (node.nodeClass !== 1 && node.nodeClass !== 2) continue;
      const types = node.references.filter(([, type]) => type === typeDefinition);
      assert.equal(types.length, 1, JSON.stringify(node.nodeId));
    }
  });
});
