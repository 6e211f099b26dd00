/** Contents that hurt, listed and signed by a trusted key: only the agent's own limits stand between them and the device. */

import { gzipSync } from 'node:zlib';
import type { CpioEntry } from '../../../codec/cpio.ts';
import { insertBytes } from '../../../patch-set.ts';
import { entriesNamed, type Artifact } from '../parse.ts';
import {
  attack,
  bytesIn,
  copyOf,
  descriptionDoc,
  mustReject,
  noCrash,
  replaceEntry,
  rewritten,
  sha256Of,
  signersLike,
  type SwupdateInput,
  type SwupdateMutation,
} from './common.ts';
import { signedAnew } from './signed-anew.ts';
import { goodSigner } from '../../../crypto/test-signers.ts';

const bombBytes = 16 * 1024 * 1024;
/** Larger images are not copied. */
const mostBytes = 1024 * 1024;

interface Listed {
  artifact: Artifact;
  entry: CpioEntry;
}

/** The smallest file that is there and listed once, with a digest. */
function smallest({ image }: SwupdateInput): Listed | undefined {
  const artifacts = image.description?.artifacts ?? [];
  const listed = artifacts.flatMap((artifact): Listed[] => {
    const [entry, ...more] = entriesNamed(image, artifact.filename);
    const once = artifacts.filter(({ filename }) => filename === artifact.filename).length === 1;
    return entry === undefined || more.length > 0 || !once || artifact.sha256Value === undefined
      ? []
      : [{ artifact, entry }];
  });
  const size = ({ entry }: Listed): number => entry.dataEnd - entry.dataStart;
  return listed.sort((one, other) => size(one) - size(other))[0];
}

const noFile = { doesNotApply: 'the description lists no file by itself that is there' };

/** The group that describes the file, as text. */
function groupText({ base }: SwupdateInput, { start, end }: Artifact): string {
  return Buffer.from(base.read(start, end)).toString('latin1');
}

const bomb = attack({
  id: 'swupdate-signed-bomb',
  kind: 'resource',
  name: 'with 16 MiB of zeros, packed, for an image, signed by a trusted key',
  rationale:
    'A few kilobytes that unpack to more than there is room for: unpacking must end where the room does, and leave it free again.',
  references: ['SIG-27', `${descriptionDoc}, compressed`, 'CWE-409'],
  attackerModel: 'insider',
  needs: ['test-key'],
  expectation: noCrash,
  plan: (input) => {
    const found = smallest(input);
    const sha256Value = found?.artifact.sha256Value;
    if (found === undefined || sha256Value === undefined) return noFile;
    const { artifact, entry } = found;
    if (/\b(compressed|encrypted)\b/.test(groupText(input, artifact))) {
      return { doesNotApply: `${artifact.filename} is packed or encrypted already` };
    }
    // gzip is what SWUpdate reads as zlib (core/cpio_utils.c, inflateInit2 with 16 + MAX_WBITS); the digest is over it.
    const packed = gzipSync(Buffer.alloc(bombBytes), { level: 9 });
    const setting = input.image.description?.json === true ? '"compressed":"zlib",' : ' compressed = "zlib";';
    const description = rewritten(input, [
      { start: artifact.start + 1, end: artifact.start + 1, text: setting },
      { ...sha256Value, text: `"${sha256Of(packed)}"` },
    ]);
    return signedAnew(input, description, goodSigner(signersLike(input)), {
      more: [replaceEntry(entry, packed)],
    });
  },
});

const escaped = '../fieldproof';

const pathUp = attack({
  id: 'swupdate-signed-path-up',
  kind: 'resource',
  name: `with a copy of one of its files, listed and signed as ${escaped}`,
  rationale:
    'Names of files become paths. A signature says that the maker wrote the name, not that the agent may follow it out of its directory.',
  references: ['SIG-27', 'CWE-22', 'SWUpdate core/installer.c, check_if_required'],
  attackerModel: 'insider',
  needs: ['test-key'],
  expectation: mustReject,
  plan: (input) => {
    const found = smallest(input);
    const { trailer } = input.image;
    if (found === undefined || trailer === undefined) return noFile;
    const { artifact, entry } = found;
    if (/installed-directly["']?\s*[:=]\s*true/.test(groupText(input, artifact))) {
      return { doesNotApply: `${artifact.filename} is streamed to its place: its name is never a path` };
    }
    if (entry.dataEnd - entry.dataStart > mostBytes) {
      return { doesNotApply: `its smallest file has more than ${mostBytes} bytes` };
    }
    const { start, end } = artifact.filenameValue;
    const text = groupText(input, artifact);
    const copy = `${text.slice(0, start - artifact.start)}"${escaped}"${text.slice(end - artifact.start)}`;
    const description = rewritten(input, [{ start: artifact.end, end: artifact.end, text: `,\n${copy}` }]);
    const added = insertBytes(trailer.start, copyOf(entry, bytesIn(input.base, entry), { name: escaped }));
    return signedAnew(input, description, goodSigner(signersLike(input)), {
      refusedFor: 'path',
      more: [added],
    });
  },
});

export const signedContentMutations: readonly SwupdateMutation[] = [bomb, pathUp];
