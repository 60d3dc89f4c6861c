import { announceSuite } from './announce-suite.ts';

announceSuite('sdk');
