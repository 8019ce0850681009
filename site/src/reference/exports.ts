/** The public exports of the packages, read from the declarations that are published (`dist`). */
import { existsSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import ts from 'typescript';

export interface Exported {
  readonly name: string;
  /** The package that declares it, such as `tensor`. */
  readonly room: string;
  /** The file that declares it, below `dist` and without its ending, such as `layers/linear`. */
  readonly file: string;
  readonly declarations: readonly ts.Declaration[];
  /** What can be imported from, in the order of the packages' `exports`: `@tessera/nn`. */
  readonly specifiers: string[];
}

export interface Reference {
  readonly checker: ts.TypeChecker;
  readonly exports: readonly Exported[];
  /** Whether a symbol is exported by one of the packages. */
  has(symbol: ts.Symbol): boolean;
}

const options: ts.CompilerOptions = {
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  target: ts.ScriptTarget.ES2023,
  types: ['node'],
  skipLibCheck: true,
};

interface Manifest {
  readonly name: string;
  readonly exports: Readonly<Record<string, string | { readonly types?: string }>>;
}

/** The declarations of each thing that can be imported: `@tessera/train/optim` and its file. */
function entriesOf(root: string, room: string): [specifier: string, file: string][] {
  const manifest: Manifest = JSON.parse(readFileSync(join(root, 'packages', room, 'package.json'), 'utf8'));
  return Object.entries(manifest.exports).flatMap(([path, target]) => {
    if (typeof target === 'string' || target.types === undefined) return [];
    const file = join(root, 'packages', room, target.types);
    if (!existsSync(file)) throw new Error(`${relative(root, file)}: there is no such file; npm run build makes it`);
    return [[manifest.name + path.slice(1), file]];
  });
}

/** Reads the exports of packages. Those that several entries export are listed once, under the first one. */
export function readExports(root: string, rooms: readonly string[]): Reference {
  const entries = rooms.flatMap((room) => entriesOf(root, room));
  const program = ts.createProgram(
    entries.map(([, file]) => file),
    options,
  );
  const checker = program.getTypeChecker();
  const found = new Map<ts.Symbol, Exported>();
  for (const [specifier, file] of entries) {
    const source = program.getSourceFile(file);
    const module = source && checker.getSymbolAtLocation(source);
    if (module === undefined) throw new Error(`${relative(root, file)}: exports nothing`);
    for (const exported of checker.getExportsOfModule(module)) {
      const symbol = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported;
      const known = found.get(symbol);
      if (known !== undefined) known.specifiers.push(specifier);
      else found.set(symbol, { ...placeOf(root, exported, symbol), specifiers: [specifier] });
    }
  }
  return { checker, exports: [...found.values()], has: (symbol) => found.has(symbol) };
}

function placeOf(root: string, exported: ts.Symbol, symbol: ts.Symbol): Omit<Exported, 'specifiers'> {
  // `export * as name`: the file is the declaration, and the place is where it is exported.
  const own = symbol.declarations?.filter((declaration) => !ts.isSourceFile(declaration)) ?? [];
  const declarations = own.length > 0 ? own : (exported.declarations ?? []);
  const [, room = '', file = ''] =
    /packages\/([^/]+)\/dist\/(.*)\.d\.ts$/.exec(relative(root, declarations[0]?.getSourceFile().fileName ?? '')) ?? [];
  if (room === '') throw new Error(`${exported.name}: is exported, but not declared by one of the packages`);
  return { name: exported.name, room, file, declarations };
}
