/** What a run is made from, read and checked before hardware is touched. */

import {
  crossCheck,
  loadBoard,
  loadDeclaration,
  refuseIfAny,
  type BoardFile,
  type BoardSources,
  type Declaration,
  type LoadedBoard,
} from '../board/index.ts';
import { knownOfBoard } from '../board/known-file.ts';
import { loadCatalogue, type Catalogue } from '../catalogue/index.ts';
import type { KnownList } from '../record/events.ts';
import { catalogueDir } from './paths.ts';
import { driverSpecs } from './registry.ts';

/** Everything that is read before hardware is touched. */
export interface Prepared {
  loaded: LoadedBoard;
  board: BoardFile;
  sources: BoardSources;
  declaration: Declaration;
  declarationSha256: string;
  catalogue: Catalogue;
  /** Violations that somebody answers for; undefined where the board has no list. */
  known?: KnownList | undefined;
}

/**
 * Loads and checks board file, declaration, catalogue, and the board's list of known violations if there is one.
 *
 * @throws BoardFileError listing every problem at once
 */
export async function prepare(boardFile: string): Promise<Prepared> {
  const loaded = await loadBoard(boardFile, driverSpecs);
  const { board, sources } = loaded;
  const declared = await loadDeclaration(board.declaration);
  refuseIfAny(boardFile, crossCheck(loaded, declared));
  const catalogue = await loadCatalogue(catalogueDir);
  return {
    loaded,
    board,
    sources,
    declaration: declared.declaration,
    declarationSha256: declared.sha256,
    catalogue,
    known: await knownOfBoard(boardFile, catalogue),
  };
}
