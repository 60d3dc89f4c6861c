import { announceSuite } from './announce-suite.ts';

announceSuite('signed');
