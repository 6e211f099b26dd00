/** `fieldproof image attacks`: the attack images of a golden one, made, checked, and written where they are wanted. */

import { loadDeclaration, policyOf } from '../../board/index.ts';
import { UsageError } from '../../errors.ts';
import { readTestKey } from '../../image/crypto/public-key.ts';
import { eachAttack, type AttackImage, type AttackNotMade } from '../../image/generate.ts';
import type { ImageFormat } from '../../image/format.ts';
import { expectationOf, type Expectation, type Mutation } from '../../image/mutation.ts';
import type { Policy } from '../../image/policy.ts';
import type { PublicKey } from '../../image/trust.ts';
import { exitCodes } from '../../verdict.ts';
import type { AttacksOptions } from './command.ts';
import { AttackFolder, type WrittenFile } from './attack-folder.ts';
import { grouped, printable } from './inspect-text.ts';
import { chooseFormat, openImage, readCrls, readKeys, readSmall, type ImageFile } from './inputs.ts';
import { attackProgress } from './attack-progress.ts';

/** What is said of one attack; `--json` prints a list of these. */
export interface AttackRow {
  id: string;
  kind: string;
  name: string;
  expectation: Expectation;
  attackerModel: string;
  needs: readonly string[];
  rationale: string;
  references: readonly string[];
  /** Null when it was not made. */
  image: { bytes: number; sha256: string; files: readonly WrittenFile[] } | null;
  /** Why it was not made; null when it was. */
  why: string | null;
}

/** Exit code: 0 when at least one image was made, or listed; 2 when none applies. */
export async function imageAttacks(path: string, options: AttacksOptions): Promise<number> {
  const golden = openImage(path, options.signature);
  let older: ImageFile | undefined;
  try {
    older = options.older === undefined ? undefined : openImage(options.older, options.olderSignature);
    const keys = readKeys(options.key);
    const chosen = await chooseFormat(golden, keys, options);
    if (chosen.format === undefined) {
      throw new UsageError('unknown-format', `${path}: ${chosen.why}`, {
        hint: 'Name the format with --format (opaque for one that is not known), or say how it is signed with --layout.',
      });
    }
    const policy = await policyFrom(options, chosen.format);
    if (keys.length === 0 && options.list !== true) warnWithoutKey(path);
    const mutations = chosen.format.mutations.filter(({ id }) => isWanted(id, options.only));
    if (mutations.length === 0) {
      throw new UsageError(
        'no-such-attack',
        `no attack on ${chosen.format.title} is called ${options.only.join(' or ')}`,
        {
          hint: `fieldproof image attacks ${path} --list shows them.`,
        },
      );
    }
    const rows =
      options.list === true
        ? mutations.map((mutation) => listed(mutation, policy))
        : make({ golden, older, keys, format: chosen.format, mutations, policy, options });
    process.stdout.write(options.json === true ? `${JSON.stringify(rows, null, 2)}\n` : attacksText(rows));
    return rows.some(({ image }) => image !== null) || options.list === true
      ? exitCodes.conforms
      : exitCodes.undecided;
  } finally {
    golden.close();
    older?.close();
  }
}

function warnWithoutKey(path: string): void {
  process.stderr.write(
    `note: without --key, ${path} is taken to be genuine as it is; whether its signature is good is not checked\n`,
  );
}

async function policyFrom({ declaration: file }: AttacksOptions, format: ImageFormat): Promise<Policy> {
  if (file === undefined) return {};
  const { declaration } = await loadDeclaration(file);
  const declared = declaration.update?.format;
  if (declared !== undefined && declared !== format.name) {
    throw new UsageError('other-format', `${file} declares ${declared} images, and this is ${format.title}`, {
      hint: 'Is it the declaration of the device that the image is for?',
    });
  }
  return policyOf(declaration);
}

function isWanted(id: string, patterns: readonly string[]): boolean {
  return patterns.length === 0 || patterns.some((pattern) => asExpression(pattern).test(id));
}

function asExpression(pattern: string): RegExp {
  const parts = pattern.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`);
}

interface Making {
  golden: ImageFile;
  older: ImageFile | undefined;
  keys: readonly PublicKey[];
  format: ImageFormat;
  mutations: readonly Mutation[];
  policy: Policy;
  options: AttacksOptions;
}

function make({ golden, older, keys, format, mutations, policy, options }: Making): AttackRow[] {
  const folder = options.out === undefined ? undefined : new AttackFolder(options.out);
  const progress = attackProgress(mutations.length, golden.source.size);
  const chain =
    options.testCertificate === undefined ? undefined : readSmall(options.testCertificate, 'certificate');
  const attacks = eachAttack(
    { name: fileName(golden), source: golden.source },
    {
      ids: mutations.map(({ id }) => id),
      seed: Buffer.from(options.seed, 'hex'),
      format,
      huge: options.huge === true,
      policy,
      trustedKeys: keys,
      crls: readCrls(options.crl),
      ...(older === undefined ? {} : { second: { name: fileName(older), source: older.source } }),
      ...(options.testKey === undefined
        ? {}
        : { testKey: readTestKey(readSmall(options.testKey, 'test key'), options.testKey, chain) }),
    },
  );
  const rows: AttackRow[] = [];
  try {
    for (const made of attacks) {
      progress.next(made.mutation.id);
      rows.push('notApplicable' in made ? notMade(made, policy) : taken(made, folder));
    }
  } finally {
    progress.done();
  }
  folder?.finish(rows);
  return rows;
}

function fileName({ path }: ImageFile): string {
  return path.slice(Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1);
}

function described(mutation: Mutation, expectation: Expectation): Omit<AttackRow, 'image' | 'why'> {
  const { id, kind, name, attackerModel, needs, rationale, references } = mutation;
  return { id, kind, name: `image ${name}`, expectation, attackerModel, needs, rationale, references };
}

function listed(mutation: Mutation, policy: Policy): AttackRow {
  const why = mutation.needs.length === 0 ? null : `needs ${mutation.needs.join(' and ')}`;
  return { ...described(mutation, expectationOf(mutation, policy)), image: null, why };
}

function notMade({ mutation, notApplicable }: AttackNotMade, policy: Policy): AttackRow {
  return { ...described(mutation, expectationOf(mutation, policy)), image: null, why: notApplicable };
}

function taken(attack: AttackImage, folder: AttackFolder | undefined): AttackRow {
  const { mutation, expectation, source, sha256 } = attack;
  const image = { bytes: source.size, sha256, files: folder?.write(attack) ?? [] };
  return { ...described(mutation, expectation), image, why: null };
}

function attacksText(rows: readonly AttackRow[]): string {
  const width = Math.max(...rows.map(({ id }) => id.length));
  const expected = rows.map(({ expectation }) => expectationText(expectation));
  const expectedWidth = Math.max(...expected.map(({ length }) => length));
  const lines = rows.map(({ id, name, image, why }, index) => {
    const made = image === null ? '' : `${image.sha256.slice(0, 16)}  ${grouped(image.bytes)} bytes  `;
    const reason = why === null ? '' : `  (${why})`;
    return `${id.padEnd(width)}  ${(expected[index] ?? '').padEnd(expectedWidth)}  ${made}${printable(name)}${reason}`;
  });
  const made = rows.filter(({ image }) => image !== null).length;
  return `${lines.join('\n')}\n\n${rows.length} attacks${made > 0 ? `, ${made} images made and checked` : ''}\n`;
}

/** `must-reject by boot`, `policy: lowerVersion` */
function expectationText(expectation: Expectation): string {
  if (expectation.class === 'must-reject') return `must-reject by ${expectation.latestStage}`;
  return expectation.class === 'policy' ? `policy: ${expectation.dependsOn}` : expectation.class;
}
