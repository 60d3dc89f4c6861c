// The first step of an installation: says in one sentence that this system has no Node.js that can build the program.
import { requireSystem } from './runtime.mjs';

requireSystem();
