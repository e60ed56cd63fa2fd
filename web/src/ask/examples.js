// Questions to try; genes that text books name for each.
export const EXAMPLES = [
  { name: "p53 response", note: "targets of p53 up, cell cycle down", up: "CDKN1A MDM2 GADD45A BAX TP53I3 BBC3 FAS SESN1 PLK3 ZMAT3 RRM2B XPC".split(" "),
    down: "CCNB1 CDK1 PLK1 AURKA CCNA2 TOP2A BIRC5 CDC20 UBE2C CCNB2 BUB1B MKI67".split(" ") },
  { name: "cell cycle", note: "genes of dividing cells up", up: "PLK1 AURKA CCNB1 CDK1 TOP2A CCNA2 BIRC5 UBE2C CDC20 MYC CCNB2 BUB1B".split(" "), down: [] },
  { name: "heat shock", note: "answer to unfolded proteins, as HSP90 and proteasome inhibitors bring", up: "HSPA1A HSPA1B DNAJB1 HSPH1 HSPA8 HSP90AA1 HSPB1 BAG3 HSPA4L CHORDC1 DNAJA1 HSPD1".split(" "), down: [] },
  { name: "cholesterol synthesis", note: "what statins raise", up: "HMGCR HMGCS1 LDLR SQLE INSIG1 IDI1 FDFT1 SC5D DHCR7 MVD LSS FADS1".split(" "), down: [] },
  { name: "interferon", note: "genes that interferon raises", up: "ISG15 IFIT1 IFIT2 IFIT3 MX1 OAS1 STAT1 IRF7 IFI6 IFI27 IFI35 PSMB9".split(" "), down: [] },
];
