// A package as npm publishes it: packed from a clean copy of the sources, or by its script, and unpacked into an empty
// project.
import { execFile } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const root = fileURLToPath(new URL('../..', import.meta.url));
const modules = join(root, 'node_modules');
const run = promisify(execFile);
/** Scripts find the Node.js that runs the tests. */
const ENVIRONMENT = {
  ...process.env,
  PATH: `${dirname(process.execPath)}:${process.env['PATH']}`,
};
/** Not part of what is packed, or made while packing. */
const LEFT_OUT: readonly string[] = ['.git', 'node_modules', 'dist', 'cdk.out', 'coverage'];
/** Of the tests only what the build runs on is there. */
const NEEDED_TESTS = /^test(?:\/node-runtime(?:\/.*)?)?$/;

export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly bin: Readonly<Record<string, string>>;
  readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
  readonly dependencies: Readonly<Record<string, string>>;
}

interface TypeCheck {
  readonly target?: string;
  /** More options of tsc. */
  readonly options?: readonly string[];
  /** The program and its first arguments; default: the tsc of this repository. */
  readonly compiler?: readonly string[];
}

/** A folder that has one package, and nothing of this repository but the packages that it depends on. */
export class Project {
  readonly folder: string;
  readonly manifest: Manifest;
  readonly #temporary: string;

  readonly #name: string;

  private constructor(temporary: string, name: string) {
    this.#temporary = temporary;
    this.#name = name;
    this.folder = join(temporary, 'project');
    this.manifest = JSON.parse(
      readFileSync(join(this.package, 'package.json'), 'utf8'),
    ) as Manifest;
  }

  /**
   * Packs and unpacks. The dependencies are linked to the ones installed here, each by the name in package.json, so
   * that nothing is downloaded, and what package.json does not name is not found.
   */
  static async pack(): Promise<Project> {
    const temporary = realpathSync(mkdtempSync(join(tmpdir(), 'package-')));
    const sources = join(temporary, 'sources');
    cpSync(root, sources, {
      recursive: true,
      filter: (path) => {
        const name = relative(root, path);
        return name.startsWith('test') ? NEEDED_TESTS.test(name) : !LEFT_OUT.includes(name);
      },
    });
    symlinkSync(modules, join(sources, 'node_modules'));
    // Runs the script `prepare`, which builds.
    await run('npm', ['pack', '--offline', '--silent', '--pack-destination', temporary], {
      cwd: sources,
      env: ENVIRONMENT,
    });
    const project = await Project.#unpack(temporary, 'mailsluice');
    project.link(...Object.keys(project.manifest.dependencies));
    return project;
  }

  /** A new project into which npm installs the tarball and other packages, each version chosen anew as for any user. */
  static async install(tarball: string, ...others: readonly string[]): Promise<Project> {
    const temporary = realpathSync(mkdtempSync(join(tmpdir(), 'user-')));
    const folder = join(temporary, 'project');
    mkdirSync(folder);
    writeFileSync(join(folder, 'package.json'), '{ "private": true }');
    const args = ['install', '--no-audit', '--no-fund', '--silent', tarball, ...others];
    await run('npm', args, { cwd: folder, env: ENVIRONMENT });
    return new Project(temporary, 'mailsluice');
  }

  /** A small package, as `npm run pack:subscriber` or `npm run pack:smtp` makes it. */
  static async packSmall(name: 'subscriber' | 'smtp'): Promise<Project> {
    const temporary = realpathSync(mkdtempSync(join(tmpdir(), `${name}-package-`)));
    await run(process.execPath, [join(root, `infra/tools/pack-${name}.ts`)], {
      cwd: temporary,
      env: ENVIRONMENT,
    });
    return Project.#unpack(temporary, `mailsluice-${name}`);
  }

  /** The tarball of the folder becomes the only package of a new project. */
  static async #unpack(temporary: string, name: string): Promise<Project> {
    const tarball = tarballIn(temporary);
    const target = join(temporary, 'project/node_modules', name);
    mkdirSync(target, { recursive: true });
    await run('tar', ['-xzf', join(temporary, tarball), '-C', target, '--strip-components=1']);
    const project = new Project(temporary, name);
    project.write('package.json', '{ "private": true }');
    return project;
  }

  /** The folder of the package. */
  get package(): string {
    return join(this.folder, 'node_modules', this.#name);
  }

  /** What `npx mailsluice` runs. */
  get program(): string {
    return join(this.package, 'dist/cli/main.js');
  }

  /** The file that was packed. */
  get tarball(): string {
    return join(this.#temporary, tarballIn(this.#temporary));
  }

  /** All files of the package. */
  files(): string[] {
    return readdirSync(this.package, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => relative(this.package, join(entry.parentPath, entry.name)));
  }

  /** Makes installed packages available, as the user of the package would install them. */
  link(...names: readonly string[]): void {
    for (const name of names) {
      const path = join(this.folder, 'node_modules', name);
      mkdirSync(dirname(path), { recursive: true });
      symlinkSync(join(modules, name), path);
    }
  }

  hasPackage(name: string): boolean {
    return existsSync(join(this.folder, 'node_modules', name));
  }

  write(name: string, text: string): void {
    writeFileSync(join(this.folder, name), text);
  }

  /** Runs a program of the project; answers what it prints, without the blanks around it. */
  async node(...args: readonly string[]): Promise<string> {
    return (await this.output(...args)).trim();
  }

  /** The same, every octet of it. */
  async output(...args: readonly string[]): Promise<string> {
    const { stdout } = await run(process.execPath, [...args], { cwd: this.folder });
    return stdout;
  }

  /** The errors that tsc reports in files of the project. */
  async typeErrors(
    files: readonly string[],
    {
      target = 'es2024',
      options = [],
      compiler: [program, ...first] = [join(modules, '.bin/tsc')],
    }: TypeCheck = {},
  ): Promise<string> {
    const always = ['--noEmit', '--strict', '--module', 'nodenext', '--types', 'node'];
    const args = [...first, ...always, '--target', target, ...options, ...files];
    const failed = await run(program ?? 'tsc', args, { cwd: this.folder }).catch(
      (error: { readonly stdout: string }) => error,
    );
    return failed.stdout;
  }

  remove(): void {
    rmSync(this.#temporary, { recursive: true });
  }
}

function tarballIn(folder: string): string {
  const tarball = readdirSync(folder).find((file) => file.endsWith('.tgz'));
  if (tarball === undefined) throw new Error(`expected a tarball in ${folder}`);
  return tarball;
}
