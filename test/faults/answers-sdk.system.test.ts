import { answersSuite } from './answers-suite.ts';

answersSuite('sdk');
