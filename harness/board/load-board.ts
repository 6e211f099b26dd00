/** From a board file to a checked board: everything wrong in it is told at once, with file, line and column. */

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { z } from 'zod';
import type { DriverSpec } from '../driver.ts';
import { BoardFileError } from '../errors.ts';
import { boardFileSchema, type BoardFileContent } from './board-parts.ts';
import type { ImageRole, KeySource } from './board-schema.ts';
import { checkWires } from './check-wires.ts';
import type { Environment } from './environment.ts';
import { problemsOf, valueAt } from './issues.ts';
import { openingOrder } from './opening-order.ts';
import { parseWhatStands } from './partial.ts';
import { withProfile } from './profile-file.ts';
import { inOrder, pathText, refuseIfAny, type KeyPath, type Problem } from './problem.ts';
import { BoardScalars, type EnvironmentUse } from './scalars.ts';
import { redact, type Secret } from './secrets.ts';
import { readYaml, type YamlSource } from './yaml-source.ts';

/** An image of the board, found and checked against its digest. */
export interface BoardImage {
  /** As written in the board file. */
  file: string;
  /** Absolute. */
  path: string;
  sha256: string;
  bytes: number;
}

/** A board as the bench uses it. Settings of wires and adapters are resolved when the wires are open. */
export interface BoardFile extends Omit<BoardFileContent, 'declaration' | 'module' | 'images' | 'keys'> {
  /** Absolute path of the declaration. */
  declaration: string;
  /** Absolute path of the maker's own profile module. */
  module?: string;
  images: Partial<Record<ImageRole, BoardImage>> & { series?: readonly BoardImage[] };
  /** Keys by name, decoded. */
  keys: Readonly<Record<string, Uint8Array>>;
  /** Names of all wires, each after those that it depends on. */
  openingOrder: readonly string[];
}

/** Where the board came from. */
export interface BoardSources {
  /** Absolute path of the board file. */
  file: string;
  /** Its folder: relative paths start here. */
  directory: string;
  /** A problem at the place of a value, for what is found later: in the profile's own file, where it has one. */
  problem(path: KeyPath, message: string): Problem;
  /** Variables that went into the board. */
  environment: readonly EnvironmentUse[];
  /** What is doubtful but usable: a secret that others can read. */
  warnings: readonly Problem[];
}

export interface LoadedBoard {
  board: BoardFile;
  sources: BoardSources;
  secrets: readonly Secret[];
  /**
   * Of the board file's bytes, followed by those of the profile's file where it has one (`cat BOARD PROFILE |
   * sha256sum`); lower-case hex. Whoever alters the profile alters the board.
   */
  sha256: string;
  /** The profile's own file, absolute, and the digest of its bytes; absent where the board file holds the profile. */
  profile?: { file: string; sha256: string };
}

/**
 * Loads and checks a board file. Opens nothing but files: neither ports nor sockets.
 *
 * @param file path of the YAML file
 * @param specs of all drivers that a board may name
 * @throws BoardFileError listing every problem as `file:line:column key.path: what, and what to write instead`
 */
export async function loadBoard(
  file: string,
  specs: readonly DriverSpec[],
  env: Environment = process.env,
): Promise<LoadedBoard> {
  const absolute = path.resolve(file);
  const bytes = await readBoardText(file, 'board file');
  const scalars = new BoardScalars(path.dirname(absolute), env);
  const { source, profile, unreadable } = await withProfile(
    readYaml(file, bytes.toString('utf8'), scalars),
    scalars,
  );

  const shape = boardFileSchema.safeParse(source.value);
  const problems: Problem[] = [];
  // After a syntax error there is nothing to check; `value` is undefined then.
  if (!shape.success && source.value !== undefined)
    problems.push(...shapeProblems(shape.error.issues, source));
  const content: Standing = shape.success
    ? { images: undefined, module: undefined, ...shape.data }
    : partialContent(source.value);
  problems.push(...checkWires(content, specs, source));
  const files = await checkFiles(content, path.dirname(absolute), source);
  problems.push(...files.problems);

  // A value that could not be read at all would be reported again as missing.
  const place = (problem: Problem): string => `${problem.file} ${pathText(problem.path)}`;
  const told = new Set(source.problems.filter(({ path: at }) => at.length > 0).map(place));
  const missed = unreadable ? place(source.problem(['profile'], '')) : undefined;
  const all = [
    ...source.problems,
    ...problems.filter((problem) => !told.has(place(problem)) && place(problem) !== missed),
  ];
  refuseIfAny(
    file,
    all.map((problem) => withoutSecrets(problem, scalars.secrets)),
  );
  if (!shape.success || files === undefined)
    throw new BoardFileError('file-invalid', `${file}: not a board file`);
  const keys = decodedKeys(shape.data.keys ?? {}, scalars.secrets);
  return {
    board: {
      ...shape.data,
      declaration: files.declaration,
      ...(files.module === undefined ? {} : { module: files.module }),
      images: files.images,
      keys,
      openingOrder: openingOrder(shape.data, specs),
    } as BoardFile,
    sources: {
      file: absolute,
      directory: path.dirname(absolute),
      problem: (at, message) => source.problem(at, message),
      environment: scalars.fromEnvironment,
      warnings: inOrder(scalars.warnings.map(({ path: at, message }) => source.problem(at, message))),
    },
    secrets: scalars.secrets.map((secret) => withDecodedKey(secret, keys)),
    sha256: createHash('sha256')
      .update(bytes)
      .update(profile?.bytes ?? '')
      .digest('hex'),
    ...(profile === undefined ? {} : { profile: { file: profile.file, sha256: profile.sha256 } }),
  };
}

/** @throws BoardFileError when the file cannot be read, saying which and what to do */
export async function readBoardText(file: string, what: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (cause) {
    throw new BoardFileError('file-unreadable', `cannot read the ${what} ${path.resolve(file)}`, {
      cause,
      hint: 'Check the path; `fieldproof list boards` shows which board files there are.',
    });
  }
}

const shapeProblems = (issues: Parameters<typeof problemsOf>[0], source: YamlSource): Problem[] =>
  problemsOf(issues, { source, schema: boardFileSchema, value: source.value });

/** Of a file with errors elsewhere, the sections that stand, so that they are checked in the same go. */
function partialContent(value: unknown): Standing {
  const { wires, profile, images, declaration, module } = boardFileSchema.shape;
  const standing = <Schema extends z.ZodType>(schema: Schema, key: string): z.output<Schema> | undefined =>
    parseWhatStands(schema, valueAt(value, [key]));
  return {
    wires: standing(wires, 'wires') ?? {},
    profile: standing(profile, 'profile') ?? {},
    images: standing(images, 'images'),
    declaration: standing(declaration, 'declaration'),
    module: standing(module, 'module'),
  };
}

/** The sections that are checked against drivers and files. */
type Standing = Pick<BoardFileContent, 'wires' | 'profile'> & {
  [Key in 'images' | 'declaration' | 'module']: BoardFileContent[Key] | undefined;
};

const withoutSecrets = (problem: Problem, secrets: readonly Secret[]): Problem => ({
  ...problem,
  message: redact(problem.message, secrets),
});

interface CheckedFiles {
  declaration: string;
  module: string | undefined;
  images: BoardFile['images'];
  problems: Problem[];
}

/** Declaration and module are there; images are there and are what their digests say. */
async function checkFiles(board: Standing, directory: string, source: YamlSource): Promise<CheckedFiles> {
  const problems: Problem[] = [];
  const present = async (written: string, at: KeyPath): Promise<string> => {
    const absolute = path.resolve(directory, written);
    const found = await stat(absolute).catch(() => undefined);
    if (found?.isFile() !== true) problems.push(source.problem(at, `no file ${absolute}`));
    return absolute;
  };
  const image = async (entry: { file: string; sha256: string }, at: KeyPath): Promise<BoardImage> => {
    const absolute = path.resolve(directory, entry.file);
    const read = await digestOf(absolute).catch((error: unknown) => {
      problems.push(source.problem([...at, 'file'], `cannot read the image ${absolute}: ${String(error)}`));
      return undefined;
    });
    if (read !== undefined && read.sha256 !== entry.sha256) {
      const message = `${entry.file} has another digest: ${read.sha256} (${read.bytes} bytes); is it the right image?`;
      problems.push(source.problem([...at, 'sha256'], message));
    }
    return { ...entry, path: absolute, bytes: read?.bytes ?? 0 };
  };

  const declaration =
    board.declaration === undefined ? '' : await present(board.declaration, ['declaration']);
  const module = board.module === undefined ? undefined : await present(board.module, ['module']);
  const { series, ...single } = board.images ?? {};
  const images: BoardFile['images'] = {};
  for (const [role, entry] of Object.entries(single)) {
    if (entry !== undefined) images[role as ImageRole] = await image(entry, ['images', role]);
  }
  if (series !== undefined) {
    const stock: BoardImage[] = [];
    for (const [i, entry] of series.entries()) stock.push(await image(entry, ['images', 'series', i]));
    images.series = stock;
  }
  return { declaration, module, images, problems };
}

/** SHA-256 and length of a file, streamed: images may be hundreds of megabytes. */
async function digestOf(file: string): Promise<{ sha256: string; bytes: number }> {
  const hash = createHash('sha256');
  let bytes = 0;
  await pipeline(createReadStream(file), async (chunks: AsyncIterable<Buffer>) => {
    for await (const chunk of chunks) {
      hash.update(chunk);
      bytes += chunk.length;
    }
  });
  return { sha256: hash.digest('hex'), bytes };
}

/** A `!secret` file without encoding is the key, byte for byte; a text is decoded as it says. */
function decodedKeys(
  keys: Readonly<Record<string, KeySource>>,
  secrets: readonly Secret[],
): Record<string, Uint8Array> {
  return Object.fromEntries(
    Object.entries(keys).map(([name, key]) => {
      if (typeof key === 'string') {
        const secret = secrets.find((one) => one.name === pathText(['keys', name]));
        return [name, new Uint8Array(secret?.bytes ?? Buffer.from(key, 'utf8'))];
      }
      const encoding = key.encoding === 'text' ? 'utf8' : key.encoding;
      return [name, new Uint8Array(Buffer.from(key.value, encoding))];
    }),
  );
}

/** Bytes of an encoded key are the decoded ones: only these can turn up in memory or on a wire. */
function withDecodedKey(secret: Secret, keys: Readonly<Record<string, Uint8Array>>): Secret {
  const name = /^keys\.([^.]+)\.value$/.exec(secret.name)?.[1];
  const bytes = name === undefined ? undefined : keys[name];
  return bytes === undefined ? secret : { ...secret, bytes };
}
