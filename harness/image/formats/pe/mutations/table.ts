/** Attacks on the certificate table: its directory entry, its entries, and what hides between and behind them. */

import { bytesSource } from '../../../byte-source.ts';
import { withUnsignedAttribute } from '../../../crypto/cms-edit.ts';
import { resigned } from '../../../crypto/cms-sign.ts';
import { overwrite, patched, PatchSet } from '../../../patch-set.ts';
import type { PeCertificate } from '../certificates.ts';
import { cmsBytes, refitted, signedContent, tablePatches, u16, u32, winCertificate } from '../edit.ts';
import { certificateHeaderBytes, peOids } from '../layout.ts';
import { imageDigest } from '../verify.ts';
import {
  attack,
  authenticode,
  benign,
  editedTable,
  harmlessUnless,
  peFormat,
  planOf,
  uefi,
  withTable,
  type PeInput,
  type PeMutation,
  type Signed,
} from './common.ts';
import { byStranger } from './signature.ts';

const checksum = attack({
  id: 'pe-checksum',
  kind: 'metadata',
  invariants: ['same-length', 'signed-kept', 'signature-kept'],
  name: 'with another checksum in its header',
  rationale: 'Authenticode leaves the checksum out, for signing changes it; firmware does not compare it.',
  references: [authenticode],
  expectation: benign,
  plan: (input) =>
    withTable(input, ({ headers }) =>
      planOf(input, [overwrite(headers.checksumAt, u32(headers.optional.checksum ^ 0x5a5a))]),
    ),
});

type Entry = Pick<PeMutation, 'id' | 'name' | 'rationale'> & Partial<PeMutation>;

/** The directory entry with other numbers in it. */
function directoryLie(
  described: Entry,
  lie: (signed: Signed, input: PeInput) => { start: number; bytes: number } | string,
): PeMutation {
  return attack({
    kind: 'structure',
    invariants: ['same-length', 'signed-kept', 'signature-kept'],
    references: ['SIG-09', peFormat, uefi],
    ...described,
    plan: (input) =>
      withTable(input, (signed) => {
        const entry = lie(signed, input);
        if (typeof entry === 'string') return { doesNotApply: entry };
        const patch = overwrite(signed.securityAt, Buffer.concat([u32(entry.start), u32(entry.bytes)]));
        return planOf(input, [patch], { facts: entry });
      }),
  });
}

const directoryLies = [
  directoryLie(
    {
      id: 'pe-directory-outside-file',
      name: 'whose directory places the certificate table behind the end of the file',
      rationale:
        'The offset is unsigned and read first: memory behind the image must not be taken for a signature.',
    },
    ({ table }, { base }) => ({ start: base.size + 8 - (base.size % 8), bytes: table.end - table.start }),
  ),
  directoryLie(
    {
      id: 'pe-directory-wraps',
      name: 'whose directory entry wraps around 32 bits',
      rationale:
        'Offset and size added in 32 bits give a small number, and pass for a table inside the file.',
    },
    ({ table }) => ({ start: table.start, bytes: 0x1_0000_0000 - table.start + 8 }),
  ),
  directoryLie(
    {
      id: 'pe-directory-in-section',
      name: 'whose directory places the certificate table inside its last section',
      rationale:
        'What is taken for the table is not hashed: a table inside a section takes code out of the hash.',
    },
    ({ table }, { image }) => {
      const last = image.sections.at(-1);
      return last === undefined
        ? 'it has no section with data'
        : { start: last.start, bytes: table.end - last.start };
    },
  ),
  directoryLie(
    {
      id: 'pe-directory-in-headers',
      name: 'whose directory places the certificate table at the beginning of the file',
      rationale: 'A table of the whole file leaves nothing to be hashed.',
    },
    ({ table }) => ({ start: 8, bytes: table.end - 8 }),
  ),
  directoryLie(
    {
      id: 'pe-directory-size-short',
      name: 'whose directory gives the certificate table 8 bytes less',
      rationale: 'The last entry reaches over the end of its table: one of the two sizes lies.',
    },
    ({ table }) => ({ start: table.start, bytes: table.end - table.start - 8 }),
  ),
  directoryLie(
    {
      id: 'pe-directory-size-seven',
      name: 'whose directory gives the certificate table 7 bytes',
      rationale: 'Less than the header of one entry.',
    },
    ({ table }) => ({ start: table.start, bytes: 7 }),
  ),
  directoryLie(
    {
      id: 'pe-directory-size-zero',
      name: 'whose directory gives the certificate table no bytes',
      rationale: 'An offset without a size names no table.',
    },
    ({ table }) => ({ start: table.start, bytes: 0 }),
  ),
];

/** The header of the first entry with other bytes in it. */
function headerLie(described: Entry, at: number, bytes: (certificate: PeCertificate) => Buffer): PeMutation {
  return attack({
    kind: 'structure',
    invariants: ['same-length', 'signed-kept', 'signature-kept'],
    references: ['SIG-09', peFormat],
    ...described,
    plan: (input) =>
      withTable(input, ({ first }) => {
        if (input.image.certificates.length > 1) return { doesNotApply: 'it has several signatures' };
        return planOf(input, [overwrite(first.start + at, bytes(first))]);
      }),
  });
}

const headerLies = [
  headerLie(
    {
      id: 'pe-certificate-type',
      name: 'whose certificate says that it is an X.509 certificate',
      rationale: 'Type 1 has never been a signature.',
      references: [peFormat],
    },
    6,
    () => u16(1),
  ),
  headerLie(
    {
      id: 'pe-certificate-revision',
      name: 'whose certificate has revision 1.0',
      rationale:
        'The old revision is for old images; verifiers that ignore the field find a genuine signature.',
      expectation: { class: 'no-crash-only' },
    },
    4,
    () => u16(0x0100),
  ),
  headerLie(
    {
      id: 'pe-certificate-length-zero',
      name: 'whose certificate says that it has no bytes',
      rationale: 'A walk that goes on by nothing never ends.',
    },
    0,
    () => u32(0),
  ),
  headerLie(
    {
      id: 'pe-certificate-length-header',
      name: 'whose certificate says that it is its header alone',
      rationale: 'Nothing is left for a signature, and the rest of the table looks like another entry.',
    },
    0,
    () => u32(certificateHeaderBytes),
  ),
  headerLie(
    {
      id: 'pe-certificate-length-long',
      name: 'whose certificate says that it reaches over the end of its table',
      rationale: 'The length is unsigned: what lies behind the image must not be read as a signature.',
    },
    0,
    ({ claimedBytes }) => u32(claimedBytes + 0x1000),
  ),
  headerLie(
    {
      id: 'pe-certificate-length-wraps',
      name: 'whose certificate has a length that wraps around when it is aligned',
      rationale: '0xffffffff and the alignment to 8 bytes make 0.',
    },
    0,
    () => u32(0xffff_ffff),
  ),
];

/** More bytes behind the CMS, inside its entry: neither hashed nor signed. */
function grownPadding(id: string, words: string, bytes: number): PeMutation {
  return attack({
    id: `pe-certificate-padding-${id}`,
    kind: 'injection',
    name: `with ${words} behind the CMS, inside its certificate`,
    rationale:
      'The certificate table is not hashed: data fits in behind the signature that changes with nobody’s notice. It is ' +
      'not loaded; whoever reads it trusts bytes that nobody signed.',
    references: ['CVE-2013-3900', authenticode],
    expectation: harmlessUnless('unsignedMetadata', 'refuse'),
    plan: (input) => editedTable(input, (cms) => Buffer.concat([cms, input.random('padding', bytes)])),
  });
}

const nested = attack({
  id: 'pe-nested-foreign',
  kind: 'injection',
  name: 'with an attacker’s signature nested in the genuine one',
  rationale:
    'Unsigned attributes are signed by nobody: what is nested there may add nothing, and take nothing away.',
  references: ['SIG-07', authenticode],
  attackerModel: 'foreign-key',
  expectation: benign,
  plan: (input) =>
    editedTable(input, (cms, certificate) => {
      const foreign = foreignCms(input, cms, certificate);
      return foreign && withUnsignedAttribute(cms, peOids.nestedSignature, foreign);
    }),
});

const genuineNested = attack({
  id: 'pe-nested-genuine',
  kind: 'injection',
  name: 'signed by an attacker, the genuine signature nested in theirs',
  rationale:
    'The outer signature is nobody’s; a verifier that goes on to the nested one finds a genuine signature of a genuine ' +
    'image.',
  references: ['SIG-07', authenticode],
  attackerModel: 'foreign-key',
  expectation: { class: 'no-crash-only' },
  plan: (input) =>
    editedTable(input, (cms, certificate) => {
      const foreign = foreignCms(input, cms, certificate);
      return foreign && withUnsignedAttribute(foreign, peOids.nestedSignature, cms);
    }),
});

function foreignCms(input: PeInput, cms: Buffer, certificate: PeCertificate): Buffer | undefined {
  const key = byStranger(certificate, cms, input);
  return key && resigned(cms, key, bytesSource(signedContent(cms, certificate)), input.random);
}

function dual(order: 'first' | 'last'): PeMutation {
  return attack({
    id: `pe-dual-foreign-${order}`,
    kind: 'injection',
    name: `with an attacker’s signature ${order === 'first' ? 'before' : 'behind'} the genuine one`,
    rationale:
      'Several signatures are allowed and one that is trusted is enough; verifiers that know one only take the first. ' +
      'The image is the maker’s in any case.',
    references: ['SIG-07', uefi],
    attackerModel: 'foreign-key',
    expectation: benign,
    plan: (input) =>
      withTable(input, ({ first }) => {
        const foreign = foreignCms(input, cmsBytes(input.base, first), first);
        if (foreign === undefined) return { doesNotApply: 'its signer’s certificate is not there' };
        const genuine = input.image.certificates.map((entry) => winCertificate(cmsBytes(input.base, entry)));
        const entry = winCertificate(foreign);
        return planOf(
          input,
          tablePatches(input.image, order === 'first' ? [entry, ...genuine] : [...genuine, entry]),
        );
      }),
  });
}

const foreignOnlyThenAltered = attack({
  id: 'pe-dual-foreign-payload-altered',
  kind: 'injection',
  name: 'altered, with an attacker’s fitting signature before the genuine one',
  rationale:
    'One signature has the right digest, the other a trusted signer: a verifier that keeps the two results apart from ' +
    'the signature that they belong to puts them together to a good image.',
  references: ['SIG-07', uefi],
  attackerModel: 'foreign-key',
  plan: (input) => alteredDual(input),
});

function alteredDual(input: PeInput): ReturnType<PeMutation['plan']> {
  return withTable(input, ({ first }) => {
    const { base, image } = input;
    const at = image.sections[0]?.start;
    if (at === undefined || first.indirect?.algorithm === undefined) {
      return { doesNotApply: 'it has no section with data' };
    }
    const flip = overwrite(at, Buffer.of((base.read(at, at + 1)[0] ?? 0) ^ 1));
    const digest = imageDigest(
      patched(base, new PatchSet(base.size, [flip])),
      image,
      first.indirect.algorithm,
    );
    const fitting = refitted(cmsBytes(base, first), first, digest, 'message-digest');
    const foreign = foreignCms(input, fitting, first);
    if (foreign === undefined) return { doesNotApply: 'its signer’s certificate is not there' };
    const genuine = image.certificates.map((entry) => winCertificate(cmsBytes(base, entry)));
    return planOf(input, [flip, ...tablePatches(image, [winCertificate(foreign), ...genuine])], {
      refusedFor: 'untrusted',
    });
  });
}

export const tableMutations: readonly PeMutation[] = [
  checksum,
  ...directoryLies,
  ...headerLies,
  grownPadding('8', '8 bytes', 8),
  grownPadding('4096', '4 KiB', 4096),
  nested,
  genuineNested,
  dual('first'),
  dual('last'),
  foreignOnlyThenAltered,
];
