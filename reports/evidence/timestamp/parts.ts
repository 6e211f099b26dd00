/** Requests and tokens of a run, as they lie in its folder. */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { MakeParts } from '../part.ts';
import { stampFiles, stampSubjects } from './stamps.ts';

const subjects = { opening: 'the first entry of the record', root: 'the root of the closed record' } as const;

export const stampParts: MakeParts = ({ runDir }) =>
  stampSubjects.flatMap((subject) => {
    const { request, response } = stampFiles(subject);
    const files = [
      {
        path: request,
        mediaType: 'application/timestamp-query',
        about: `Request to stamp ${subjects[subject]}`,
      },
      {
        path: response,
        mediaType: 'application/timestamp-reply',
        about: `Time-stamp of ${subjects[subject]}`,
      },
    ];
    return files
      .filter(({ path }) => existsSync(join(runDir, path)))
      .map((part) => ({ ...part, content: { file: join(runDir, part.path) } }));
  });
